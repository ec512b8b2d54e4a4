"""Bytes straight into the log, as any producer may write them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, Message, Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from infra.chaos.load import Load
from infra.chaos.log import Letter
from infra.chaos.town import SOURCE
from infra.chaos.waiting import CaseFailed
from infra.clock import Clock, new_event_id
from infra.demo.simulation import Simulated
from infra.kafka.config import connection, producer
from infra.kafka.messages import Headers
from infra.settings import Settings

PLAYBACK = "rf.playback.v1"
LARGE_BYTES = 3_000_000
_ANSWER_S = 30.0


@dataclass(frozen=True, slots=True)
class Raw:
    """One message. ``key`` None is allowed, as Kafka does."""

    value: bytes | None
    key: bytes | None = b"chaos"
    partition: int = 0
    headers: Headers = field(default_factory=list)


def write(settings: Settings, records: Sequence[Raw], topic: str = PLAYBACK) -> list[Letter]:
    """Write them in order; where each stands. CaseFailed when the broker refuses one."""
    placed: dict[int, Letter] = {}
    refused: list[KafkaError] = []
    writer = Producer(producer(settings) | {"message.max.bytes": LARGE_BYTES})
    for nth, one in enumerate(records):

        def done(error: KafkaError | None, sent: Message, nth: int = nth) -> None:
            if error is not None:
                refused.append(error)
            else:
                placed[nth] = (topic, int(sent.partition() or 0), int(sent.offset() or 0))

        writer.produce(topic, one.value, one.key, one.partition, headers=one.headers, on_delivery=done)
    if writer.flush(_ANSWER_S) or refused:
        raise CaseFailed(f"the broker did not take what the case wrote: {refused[:1]}")
    return [placed[nth] for nth in range(len(records))]


def allow_large(settings: Settings, topic: str, most: int | None) -> None:
    """Let the topic take messages of this size, None: the default again, as somebody does by hand."""
    entry = ConfigEntry(
        "max.message.bytes",
        None if most is None else str(most),
        incremental_operation=AlterConfigOpType.DELETE if most is None else AlterConfigOpType.SET,
    )
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    client = AdminClient(connection(settings))  # held until it has answered
    for future in client.incremental_alter_configs([resource]).values():
        future.result(_ANSWER_S)


def whole_view(load: Load, nth: int, clock: Clock) -> dict[str, Any]:
    """A complete view.started as a trusted service writes it. Of somebody who does nothing else: a person's
    events lie in one partition, and this one is written wherever the case wants."""
    now, town = clock.now_ms(), load.town
    return {
        "event_id": new_event_id(now),
        "event_type": "view.started",
        "source": SOURCE,
        "occurred_at": now,
        "received_at": now,
        "actor_id": f"{town.name}-stranger-{nth}",
        "view_id": new_event_id(now),
        "video_id": town.videos[nth % len(town.videos)].video_id,
    }


def count(load: Load, event: dict[str, Any]) -> None:
    """The log has confirmed this event, which the case wrote itself."""
    one = Simulated(event["actor_id"], event)
    load.sent[event["event_id"]] = load.acknowledged[event["event_id"]] = one
