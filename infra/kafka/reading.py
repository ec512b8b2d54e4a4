"""Looking at the log without taking part: no group, no commit, nothing moves."""

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, Message, TopicPartition

from infra.kafka.config import connection
from infra.kafka.refusal import Refusals
from infra.registry import load_book, lookup
from infra.settings import Settings
from schemas.book import SchemaBook
from schemas.codec import decode, schema_id
from schemas.errors import SchemaError, UnknownSchema
from schemas.topics import DAY_MS, TOPICS, Topic

TIMEOUT_S = 5.0
POLL_S = 0.25
ONE_AFTER_ANOTHER = {"fetch.wait.max.ms": 20}
"""Of a consumer that does: a fetch that is still out at the end of one partition delays the next."""


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic and, for each partition, its first offset and the next to be written."""

    topic: Topic
    offsets: tuple[tuple[int, int], ...]

    @property
    def retention(self) -> str:
        """For people."""
        return "forever" if self.topic.retention_ms < 0 else f"{self.topic.retention_ms // DAY_MS} d"

    def document(self) -> dict[str, Any]:
        """For machines."""
        return {
            "topic": self.topic.name,
            "key": self.topic.key,
            "events": list(self.topic.events),
            "retention_ms": self.topic.retention_ms,
            "partitions": [{"first": first, "next": following} for first, following in self.offsets],
            "records": sum(following - first for first, following in self.offsets),
        }


def topic_states(settings: Settings) -> list[TopicState]:
    """Every topic of the table that stands; raises KafkaException when the log does not answer."""
    with _reader(settings) as consumer:
        standing = consumer.list_topics(timeout=TIMEOUT_S).topics
        return [
            TopicState(topic, tuple(_span(consumer, topic.name, n) for n in sorted(held.partitions)))
            for topic in TOPICS
            if (held := standing.get(topic.name)) is not None
        ]


def tail_events(
    settings: Settings, topic: str, from_start: bool, most: int, wait_s: float
) -> Iterator[dict[str, Any]]:
    """The topic's records as JSON-ready objects, as they come.

    Ends after ``most`` (0: never) or after ``wait_s`` without one (0: never). A record that cannot be
    read comes with `error` and its raw bytes, one in the dead-letter topic with where it is from and why.
    Raises KafkaException, RegistryUnavailable.
    """
    book = load_book(settings)
    begin = OFFSET_BEGINNING if from_start else OFFSET_END
    with _reader(settings) as consumer:
        partitions = consumer.list_topics(topic, TIMEOUT_S).topics[topic].partitions
        consumer.assign([TopicPartition(topic, n, begin) for n in partitions])
        told, last = 0, time.monotonic()
        while not (most and told >= most) and not (wait_s and time.monotonic() - last > wait_s):
            message = consumer.poll(POLL_S)
            if message is None:
                continue
            if message.error():
                raise KafkaException(message.error())
            told, last = told + 1, time.monotonic()
            yield _document(message, book, settings)


def _document(message: Message, book: SchemaBook, settings: Settings) -> dict[str, Any]:
    where: dict[str, Any] = {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
    }
    if letter := _dead_letter(message):
        where["dead_letter"] = letter
    value = message.value() or b""
    try:
        return where | {"event": _decoded(value, book, settings)}
    except SchemaError as error:
        return where | {"error": str(error), "raw": base64.b64encode(value).decode()}


def _dead_letter(message: Message) -> dict[str, str]:
    """Where a letter of the dead-letter topic is from, and why; nothing for any other message."""
    headers = dict(message.headers() or ())
    said = {name.removeprefix("dlq."): value for name, value in headers.items() if name.startswith("dlq.")}
    return {
        name: value.decode(errors="replace") if isinstance(value, bytes) else value or ""
        for name, value in said.items()
    }


def _decoded(value: bytes, book: SchemaBook, settings: Settings) -> dict[str, Any]:
    try:
        return decode(value, book)
    except UnknownSchema:
        # written since the book was made: the registry knows it, or nobody does
        return decode(value, book.with_schema(schema_id(value), lookup(settings, schema_id(value))))


def _span(consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
    first, following = consumer.get_watermark_offsets(TopicPartition(topic, partition), TIMEOUT_S)
    return int(first), int(following)


def read_from(consumer: Consumer, topic: str, partition: int, offset: int) -> None:
    """Have a consumer without a group read this partition from this offset on, and nothing else. Raises
    KafkaException.

    It is told where the topic is first: librdkafka looks once a second for the leaders of topics that it does
    not know, which was most of a short replay. Before that it lets go of what it reads: what is asked of a
    broker waits for a fetch that is under way.
    """
    consumer.unassign()
    consumer.list_topics(topic, TIMEOUT_S)
    consumer.assign([TopicPartition(topic, partition, offset)])


@contextmanager
def _reader(settings: Settings) -> Iterator[Consumer]:
    refusals = Refusals(settings)
    own = {"group.id": "reelfold.look", "enable.auto.commit": False, "error_cb": refusals}
    consumer = Consumer(connection(settings) | own, logger=None)
    try:
        yield consumer
    except KafkaException as error:
        consumer.poll(0)  # lets it tell what it has heard
        raise refusals.explained(error) from error
    finally:
        consumer.close()
