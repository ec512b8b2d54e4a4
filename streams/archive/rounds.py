"""Rounds of archiving: which ranges are closed, and writing them. The part that needs no thread.

A range is closed when the log has passed a multiple of `rows`, or when its first record is `age_ms` old.
Where the archive stands is what it holds; nothing else remembers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from infra.clock import Clock
from infra.telemetry import ARCHIVE_OPEN, ARCHIVED, Log
from streams.archive.ranges import closes_at, parse, prefix, reach
from streams.archive.writing import RangeWriter
from streams.folding.progress import Key

_log = Log("streams")
_ASK: Any = OffsetSpec  # its methods have no types
ANSWER_S = 10.0


@dataclass(slots=True)
class Rules:
    """When a range is closed. ``age_ms``: of its first record."""

    rows: int
    age_ms: int


class Archiving:
    """One round after another over the partitions that are held: the part that needs no thread."""

    def __init__(
        self,
        admin: AdminClient,
        reader: Callable[[], Consumer],
        writer: RangeWriter,
        rules: Rules,
        clock: Clock,
        between: Callable[[], bool] = lambda: True,
    ) -> None:
        self._admin, self._make_reader, self._writer = admin, reader, writer
        self._rules, self._clock, self._between = rules, clock, between
        self.places: dict[Key, int | None] = {}
        """Partitions held, and the next offset to archive; None before the archive was asked."""

    def round(self) -> int:
        """Write every range that is closed; answers how many. ``between`` two of them says whether to go on.

        Raises KafkaException, ArchiveUnavailable, RegistryUnavailable: the next round tries again.
        """
        ends, lows = self._offsets(_ASK.latest()), dict[Key, int]()
        if any(self.places.get(key) is None for key in self.places):
            lows = self._offsets(_ASK.earliest())
        for key in sorted(ends):
            if self.places.get(key) is None:
                self._begin(key, lows.get(key, 0))
        young = self._offsets(_ASK.for_timestamp(self._clock.now_ms() - self._rules.age_ms))
        closed = {key: self._closed(key, end, young.get(key, -1)) for key, end in ends.items()}
        written = self._write({key: until for key, until in closed.items() if until is not None}, ends)
        for key, end in ends.items():
            ARCHIVE_OPEN.labels(key[0], str(key[1])).set(max(0, end - (self.places.get(key) or 0)))
        return written

    def _begin(self, key: Key, low: int) -> None:
        """Go on where the archive ends. What the log let go of before that is a hole, and is told."""
        ranges = parse(self._writer.store.names(prefix(key)))
        start = ranges[0].first if ranges else low
        at = reach(ranges, start)
        if at < low:
            _log.error("archive_hole", topic=key[0], partition=key[1], first=at, next=low)
            at = reach(ranges, low)
        self.places[key] = at

    def _closed(self, key: Key, end: int, young: int) -> int | None:
        """Up to where this partition's next range goes, when it is closed."""
        at = self.places.get(key)
        if at is None or at >= end:
            return None
        boundary = closes_at(at, self._rules.rows)
        is_old = young < 0 or young > at  # -1: nothing is as young as that
        return boundary if boundary <= end else end if is_old else None

    def _write(self, closed: Mapping[Key, int], ends: Mapping[Key, int]) -> int:
        if not closed:
            return 0
        written, reader = 0, self._make_reader()
        try:
            for key, until in closed.items():
                next_until: int | None = until
                # Asked first: it may give partitions away, and even have them back with no place yet.
                while next_until is not None and self._between() and self.places.get(key) is not None:
                    self._write_one(reader, key, next_until)
                    written += 1
                    at = self.places.get(key)
                    boundary = None if at is None else closes_at(at, self._rules.rows)
                    next_until = boundary if boundary is not None and boundary <= ends[key] else None
        finally:
            reader.close()
        return written

    def _write_one(self, reader: Consumer, key: Key, until: int) -> None:
        first = self.places[key]
        assert first is not None
        try:
            made = self._writer.write(reader, key, first, until)
        except KafkaException:
            self.places[key] = None  # perhaps the log let go of it meanwhile: look again where it begins
            raise
        if key in self.places:
            self.places[key] = made.range.next
        ARCHIVED.labels(key[0]).inc(made.count)
        _log.info("archive_range_written", name=made.range.object_name, count=made.count, bytes=made.bytes)

    def _offsets(self, spec: Any) -> dict[Key, int]:
        asked = {TopicPartition(*key): spec for key in self.places}
        if not asked:
            return {}
        answers = self._admin.list_offsets(asked, request_timeout=ANSWER_S)
        return {(one.topic, one.partition): answer.result().offset for one, answer in answers.items()}
