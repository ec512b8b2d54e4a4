"""The log as a fault run sees it: where it ends, which events are in it, what was parked."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from infra.chaos.waiting import CaseFailed
from infra.kafka.config import connection
from infra.settings import Settings
from schemas.topics import BY_NAME, DEAD_LETTERS, TOPICS

ANSWER_S = 10.0
LEADERS_S = 45.0
Place = tuple[str, int]
Vector = dict[Place, int]
"""(topic, partition) -> an offset."""
Letter = tuple[str, int, int]
"""Topic, partition and offset of a message that was parked."""


def ends(settings: Settings) -> Vector:
    """The next offset of every partition of our topics. A broker that has just come back knows no leaders for
    a moment: it is asked again. CaseFailed when the log does not answer for LEADERS_S."""
    deadline = time.monotonic() + LEADERS_S
    with _reader(settings) as consumer:
        while True:
            try:
                return _ends(consumer)
            except KafkaException as error:
                if time.monotonic() > deadline:
                    raise CaseFailed(f"the log does not answer: {error}") from error
                time.sleep(0.2)


def _ends(consumer: Consumer) -> Vector:
    standing = consumer.list_topics(timeout=ANSWER_S).topics
    return {
        (name, number): int(consumer.get_watermark_offsets(TopicPartition(name, number), ANSWER_S)[1])
        for name in BY_NAME
        if name in standing
        for number in standing[name].partitions
    }


def event_ids(settings: Settings, since: Vector, until: Vector) -> Counter[str]:
    """How often each event stands in the lanes' topics between the two."""
    lanes = {topic.name for topic in TOPICS if topic.lane}
    found: Counter[str] = Counter()
    for message in between(settings, since, until, lanes):
        event_id = headers(message).get("ce_id")
        if event_id is not None:
            found[event_id] += 1
    return found


def letters(settings: Settings, since: Vector, until: Vector) -> Counter[Letter]:
    """What was parked between the two, and how often."""
    found: Counter[Letter] = Counter()
    for message in between(settings, since, until, {DEAD_LETTERS}):
        said = headers(message)
        found[said["dlq.topic"], int(said["dlq.partition"]), int(said["dlq.offset"])] += 1
    return found


def headers(message: Message) -> dict[str, str]:
    said: dict[str, str | bytes | None] = dict(message.headers() or [])
    return {
        name: value.decode(errors="replace") if isinstance(value, bytes) else value or ""
        for name, value in said.items()
    }


def between(settings: Settings, since: Vector, until: Vector, topics: set[str]) -> Iterator[Message]:
    left = {place: end for place, end in until.items() if place[0] in topics and end > since.get(place, 0)}
    with _reader(settings) as consumer:
        consumer.assign([TopicPartition(*place, since.get(place, 0)) for place in left])
        while left:
            fetched = consumer.consume(1_000, timeout=ANSWER_S)
            if not fetched:
                raise CaseFailed(
                    f"the log does not hold what it held: {sorted(left)} cannot be read to the end"
                )
            for message in fetched:
                if message.error() is not None:
                    raise CaseFailed(f"the log cannot be read: {message.error()}")
                place, offset = (
                    (str(message.topic()), int(message.partition() or 0)),
                    int(message.offset() or 0),
                )
                if place in left and offset < left[place]:
                    yield message
                if place in left and offset + 1 >= left[place]:
                    del left[place]


@contextmanager
def _reader(settings: Settings) -> Iterator[Consumer]:
    config = connection(settings) | {"group.id": "reelfold.chaos", "enable.auto.commit": False}
    consumer = Consumer(config, logger=None)
    try:
        yield consumer
    finally:
        consumer.close()
