"""What the operators' commands tell of themselves: facts on rf.ops.v1, and reading them back.

The topic has one partition and a few facts a day: it is read from its start each time. What Kafka has let go
of, the archive holds (streams/replay/ops_history.py).
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from infra.clock import new_event_id
from infra.kafka.config import consumer, producer
from infra.kafka.publisher import Publisher
from infra.registry import load_book
from infra.settings import Settings
from schemas.book import SchemaBook
from schemas.codec import decode
from schemas.errors import SchemaError
from schemas.topics import OPS

SOURCE, ACTOR = "/cli/reelfold", "operator"
ANSWER_S = 10.0
"""How long the log may take to confirm, or to say what it holds."""
FETCH = 500
Fact = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """A fact and its offset in rf.ops.v1."""

    offset: int
    fact: Fact

    @property
    def kind(self) -> str:
        """The event type."""
        return str(self.fact["event_type"])


def new_run_id(now_ms: int) -> str:
    """A name for one run of a command."""
    return f"run-{new_event_id(now_ms)}"


def made(event_type: str, run_id: str, now_ms: int, **fields: Any) -> Fact:
    """A fact of a run, complete: what is not given here has a default in its schema."""
    return {
        "event_id": new_event_id(now_ms),
        "event_type": event_type,
        "source": SOURCE,
        "occurred_at": now_ms,
        "received_at": now_ms,
        "actor_id": ACTOR,
        "run_id": run_id,
        **fields,
    }


def tell(settings: Settings, *facts: Fact) -> None:
    """Return once the log has them. Raises LogUnavailable, RegistryUnavailable."""
    publisher = Publisher(producer(settings), load_book(settings), ANSWER_S)
    try:
        publisher.publish_and_wait(facts, ANSWER_S)
    finally:
        publisher.close(ANSWER_S)


Older = Callable[[int], list[Told]]
"""The facts before this offset, where the log begins: from elsewhere."""


def nothing(low: int) -> list[Told]:
    """Nothing is older than the log."""
    return []


class OpsLog:
    """The facts of rf.ops.v1 in their order. Not to be shared by threads; close it."""

    def __init__(self, settings: Settings, book: SchemaBook, older: Older = nothing) -> None:
        self._consumer = Consumer(consumer(settings, "reelfold.ops.look"))
        self._book = book
        self._older = older
        self._next: int | None = None
        self.end = 0
        """The offset after the last one, when the log was last asked."""

    def news(self, wait_s: float = 0.0) -> list[Told]:
        """What was told since the last time, all of it the first time. Raises KafkaException.

        ``wait_s``: how long to wait for something when there is nothing new.
        """
        first = self._next is None
        low = self._bounded()
        found = self._older(low) if first and low else []
        found += self._read(self.end)
        if not found and wait_s:
            came = self._consumer.consume(1, timeout=wait_s)
            found = [told for message in came if (told := self._told(message)) is not None]
        return found

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()

    def _bounded(self) -> int:
        """Where the log begins; what is to be read next lies in it afterwards."""
        place = TopicPartition(OPS, 0)
        bounds = self._consumer.get_watermark_offsets(place, timeout=ANSWER_S)
        if bounds is None:
            raise KafkaException("the log did not say where rf.ops.v1 ends")
        low, self.end = bounds
        if self._next is None or not low <= self._next <= self.end:
            self._next = low
            self._consumer.assign([TopicPartition(OPS, 0, low)])
        return int(low)

    def _read(self, end: int) -> Iterator[Told]:
        """Up to this end; a log that stops in the middle ends it too, and is asked again next time."""
        while self._next is not None and self._next < end:
            messages = self._consumer.consume(min(FETCH, end - self._next), timeout=ANSWER_S)
            if not messages:
                raise KafkaException("rf.ops.v1 is not given out")
            for message in messages:
                told = self._told(message)
                if told is not None:
                    yield told

    def _told(self, message: Any) -> Told | None:
        if message.error() is not None:
            raise KafkaException(message.error())
        self._next = int(message.offset()) + 1
        try:
            return Told(int(message.offset()), decode(message.value() or b"", self._book))
        except SchemaError:  # nothing that a command of ours wrote
            return None


def every_fact(settings: Settings, book: SchemaBook | None = None, older: Older = nothing) -> list[Told]:
    """All facts there are, oldest first. Raises KafkaException, RegistryUnavailable."""
    with closing(OpsLog(settings, book or load_book(settings), older)) as log:
        return log.news()
