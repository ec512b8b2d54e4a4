"""The log as a replay reads it: the archive as far as it reaches, then Kafka from exactly that offset on."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from confluent_kafka import Consumer, KafkaException, Message

from infra.kafka.reading import read_from
from projections.position import StoreUnavailable
from streams.archive.ranges import covering
from streams.archive.reading import MOST_BYTES, Archive, Piece
from streams.batches.runs import Run
from streams.folding.consumer_log import view
from streams.folding.progress import Key, LogGone

FETCH, ANSWER_S = 500, 10.0
SILENCE_S = 60.0


class LogSide(Protocol):
    """The log itself. Methods may raise StoreUnavailable."""

    def keys(self, topics: Sequence[str]) -> list[Key]:
        """Every partition of these topics."""
        ...

    def bounds(self, key: Key) -> tuple[int, int]:
        """Its first offset and the one after its last."""
        ...

    def offset_at(self, key: Key, appended_at: int) -> int:
        """The first offset appended at this time (epoch ms) or later; the end when none is."""
        ...

    def read(self, key: Key, start: int, until: int, rows: int) -> Iterator[Piece]:
        """Offsets from ``start`` up to ``until`` in runs of at most so many records."""
        ...


class KafkaSide:
    """Two consumers that are in no group: one is asked, the other only fetches. A broker answers a
    connection in order, so a question beside a fetch would wait for the fetch's long poll: that made up nine
    tenths of a short replay. Not to be shared by threads at once; close it."""

    def __init__(self, asked: Consumer, fetching: Consumer) -> None:
        self._asked, self._fetching = asked, fetching

    def keys(self, topics: Sequence[str]) -> list[Key]:
        with _answers():
            standing = self._asked.list_topics(timeout=ANSWER_S).topics
        missing = [topic for topic in topics if topic not in standing]
        if missing:
            raise StoreUnavailable(f"there is no topic {missing[0]}: run `reelfold provision`")
        return [(topic, number) for topic in sorted(topics) for number in sorted(standing[topic].partitions)]

    def bounds(self, key: Key) -> tuple[int, int]:
        with _answers():
            seen = view(self._asked, key)
        return seen.low, seen.high

    def offset_at(self, key: Key, appended_at: int) -> int:
        with _answers():
            return view(self._asked, key).offset_at(appended_at)

    def read(self, key: Key, start: int, until: int, rows: int) -> Iterator[Piece]:
        with _answers():
            read_from(self._fetching, *key, start)
        while start < until:
            run = self._run(key, start, until, rows)
            yield Piece(run, run.next)
            start = run.next
        self._fetching.unassign()

    def close(self) -> None:
        """Let go of the connections."""
        self._asked.close()
        self._fetching.close()

    def _run(self, key: Key, start: int, until: int, rows: int) -> Run:
        run, heard, weight = Run(*key, start), time.monotonic(), 0
        while len(run) < rows and run.next < until and weight < MOST_BYTES:
            messages = self._fetching.consume(min(FETCH, until - run.next, rows - len(run)), timeout=0.5)
            if messages:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENCE_S:
                raise StoreUnavailable(f"the log says nothing at {key[0]}/{key[1]} from {run.next} on")
            error = next((found for message in messages if (found := message.error()) is not None), None)
            if error is not None:
                raise StoreUnavailable(f"the log cannot be read at {key[0]}/{key[1]}: {error}")
            weight += _added(run, messages, until)
        return run


@contextmanager
def _answers() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        raise StoreUnavailable(f"the log does not answer: {error}") from error


def _added(run: Run, messages: Sequence[Message], until: int) -> int:
    """Add what belongs to the run; its bytes. Columns at once: a call for each message is most of a fetch."""
    offsets = [message.offset() or 0 for message in messages]
    if offsets and not (run.next <= offsets[0] and offsets[-1] < until):
        messages = [one for one, at in zip(messages, offsets, strict=True) if run.next <= at < until]
        offsets = [one for one in offsets if run.next <= one < until]
    values = [message.value() for message in messages]
    run.offsets += offsets
    run.appended_at += [message.timestamp()[1] for message in messages]
    run.values += values
    return sum(len(value) for value in values if value)


@dataclass(slots=True)
class Source:
    """Both sides joined. ``archived`` counts the records that came from the archive.

    ``accept_loss``: go on behind a hole that nothing fills, as REELFOLD_ACCEPT_LOG_LOSS says.
    """

    log: LogSide
    archive: Archive | None = None
    accept_loss: bool = False
    archived: int = 0

    def view(self, key: Key) -> "JoinedLog":
        """A LogView over both sides."""
        low, high = self.log.bounds(key)
        first = None if self.archive is None else self.archive.low(key)
        return JoinedLog(self, key, low if first is None else min(low, first), high, low)

    def read(self, key: Key, start: int, until: int, rows: int) -> Iterator[Piece]:
        """Offsets from ``start`` up to ``until``, contiguous. Raises LogGone at a hole, StoreUnavailable,
        ArchiveUnavailable, DamagedArchive."""
        while start < until:
            reached = start if self.archive is None else min(until, self.archive.reach(key, start))
            if self.archive is not None and start < reached:
                for piece in self.archive.read(key, start, reached, rows):
                    self.archived += len(piece.run)
                    yield piece
                start = reached
                continue
            low = self.log.bounds(key)[0]
            if start >= low:
                yield from self.log.read(key, start, until, rows)
                return
            begun, start = start, self._behind(key, start, low)
            yield Piece(Run(*key, begun), start)

    def _behind(self, key: Key, start: int, low: int) -> int:
        """The end of the hole that begins here."""
        ranges = [] if self.archive is None else self.archive.ranges(key)
        found = min((one.first for one in ranges if one.first > start), default=low)
        if not self.accept_loss:
            raise LogGone(
                f"{key[0]}/{key[1]}: neither the log nor the archive holds offsets {start} to "
                f"{min(found, low) - 1}; REELFOLD_ACCEPT_LOG_LOSS=true goes on without them"
            )
        return min(found, low)


@dataclass(frozen=True, slots=True)
class JoinedLog:
    """A LogView: ``low`` is the first offset that either side holds, ``kafka_low`` the log's own."""

    source: Source
    key: Key
    low: int
    high: int
    kafka_low: int

    def offset_at(self, appended_at: int) -> int:
        """The first offset appended at this time or later; `high` when none is."""
        archive = self.source.archive
        if archive is not None and covering(archive.ranges(self.key), self.kafka_low - 1) is not None:
            found = archive.offset_at(self.key, appended_at)
            if found is not None and found < self.kafka_low:
                return found
        return self.source.log.offset_at(self.key, appended_at)
