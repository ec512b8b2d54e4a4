"""Reading the dead-letter topic: every letter once, with what is known of it and what became of it.

A worker that died may have parked the same message twice: a letter is known by the place of its original,
(topic, partition, offset).
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from infra.kafka.config import consumer
from infra.settings import Settings
from schemas.topics import BY_NAME, DEAD_LETTERS

ANSWER_S = 10.0
FETCH = 200
_OURS = "dlq."
_PLACE = re.compile(r"(rf\.[a-z.]+\.v[0-9]+)[:/]([0-9]{1,9})[:/]([0-9]{1,18})")
Header = tuple[str, bytes | None]


class NotAPlace(Exception):
    """The words name no place of a record."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where the original stands."""

    topic: str
    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> "Place":
        """`topic:partition:offset`; slashes do as well. Raises NotAPlace."""
        found = _PLACE.fullmatch(text)
        if found is None or found[1] not in BY_NAME:
            raise NotAPlace(
                f"{text!r} is no place: write topic:partition:offset, such as rf.playback.v1:0:42"
            )
        return cls(found[1], int(found[2]), int(found[3]))

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"


@dataclass(frozen=True, slots=True)
class Parked:
    """A letter as it stands in the topic. ``headers`` are the original's own; times in epoch ms."""

    place: Place
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]
    stage: str
    reason: str
    error: str
    schema_id: str
    appended_at: int
    parked_at: int
    group: str
    version: str
    whole_bytes: int
    """What the original's value weighed; more than the letter's own when it was cut."""

    @property
    def cut(self) -> bool:
        """Whether less than the whole value was kept."""
        return self.whole_bytes > len(self.value or b"")


def parked(message: Message) -> Parked | None:
    """The letter in a message of the dead-letter topic; None when it is none of ours.

    Our headers are the last ones, from the last `dlq.topic` on: what an original brought along under the
    same names stays the original's.
    """
    given = cast(Sequence[tuple[str, str | bytes | None]], message.headers() or ())
    headers: list[Header] = [(name, _bytes(value)) for name, value in given]
    begins = [at for at, (name, _) in enumerate(headers) if name == "dlq.topic"]
    if not begins:
        return None
    own, ours = headers[: begins[-1]], dict(headers[begins[-1] :])
    said = {name.removeprefix(_OURS): (value or b"").decode(errors="replace") for name, value in ours.items()}
    value = message.value()
    try:
        return Parked(
            Place(said["topic"], int(said["partition"]), int(said["offset"])),
            ours.get("dlq.key"),
            value,
            tuple(own),
            said["stage"],
            said["reason"],
            said["error"],
            said["schema_id"],
            int(said["timestamp"]),
            message.timestamp()[1],
            said["group"],
            said["version"],
            int(said.get("value_bytes", len(value or b""))),
        )
    except (KeyError, ValueError):
        return None


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


@contextmanager
def reading(settings: Settings) -> Iterator[Consumer]:
    """A consumer that joins no group and moves nothing; closed at the end."""
    opened = Consumer(consumer(settings, "reelfold.dlq.look"))
    try:
        yield opened
    finally:
        opened.close()


def every_letter(reader: Consumer, topic: str | None = None) -> Iterator[Parked]:
    """Each letter once, as far as the topic goes now; ``topic``: of this original topic only.

    Holds one fetch in memory. Raises KafkaException when the log does not answer.
    """
    standing = reader.list_topics(DEAD_LETTERS, ANSWER_S).topics[DEAD_LETTERS]
    if standing.error is not None:
        raise KafkaException(standing.error)
    for number in sorted(standing.partitions):
        # Letters of one original topic share a partition of this one, so this is all that is to be compared.
        seen: set[Place] = set()
        for message in _partition(reader, number):
            letter = parked(message)
            if letter is not None and letter.place not in seen and topic in (None, letter.place.topic):
                seen.add(letter.place)
                yield letter


def _partition(reader: Consumer, number: int) -> Iterator[Message]:
    bounds = reader.get_watermark_offsets(TopicPartition(DEAD_LETTERS, number), timeout=ANSWER_S)
    if bounds is None:
        raise KafkaException(f"the log did not say where {DEAD_LETTERS}/{number} ends")
    following, end = bounds
    if following < end:
        reader.assign([TopicPartition(DEAD_LETTERS, number, following)])
    while following < end:
        messages = reader.consume(min(FETCH, end - following), timeout=ANSWER_S)
        if not messages:
            raise KafkaException(f"{DEAD_LETTERS}/{number} is not given out from offset {following} on")
        for message in messages:
            if message.error() is not None:
                raise KafkaException(message.error())
            following = int(message.offset() or 0) + 1
            yield message
