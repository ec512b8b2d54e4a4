"""A record batch: a run of one partition's log, as columns; a topic batch: such runs of several partitions.

What the lane hands to the agents and the folds fold. A batch spans the offsets [start, next):
`start` is the position it was read from, not its first record's offset, because a log may have gaps
(compaction, transactions, dead-lettered records); batches of a partition therefore join seamlessly.

A frame of few rows costs as much to make and to ask as one of many. Live, a flush brings a few records of
each partition: folded together they cost a fraction.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, cast

import polars as pl

PARTITION = "partition"
"""Column: the record's partition, Int32."""
OFFSET = "offset"
"""Column: the record's offset in its partition, Int64."""
APPENDED_AT = "appended_at"
"""Column: when the broker appended the record, epoch ms, Int64. The stream clock."""
POSITION_COLUMNS: Mapping[str, pl.DataType] = {
    PARTITION: pl.Int32(),
    OFFSET: pl.Int64(),
    APPENDED_AT: pl.Int64(),
}


class Records:
    """Records of one topic: a frame for each event type, with the columns of its newest schema and
    POSITION_COLUMNS. The rows of a partition lie side by side, in offset order."""

    __slots__ = ()
    topic: str
    frames: Mapping[str, pl.DataFrame]
    _received: tuple[int, ...] | None

    def __len__(self) -> int:
        return sum(frame.height for frame in self.frames.values())

    def received(self) -> tuple[int, ...]:
        """received_at of the eldest and of the youngest row, epoch ms; nothing without rows. Found once:
        every fold of a lane asks."""
        if self._received is None:
            times = [frame["received_at"] for frame in self.frames.values() if frame.height]
            eldest, youngest = (one.min() for one in times), (one.max() for one in times)
            ends = (min(cast(Iterator[int], eldest)), max(cast(Iterator[int], youngest))) if times else ()
            object.__setattr__(self, "_received", ends)
        return self._received or ()

    def frame(self, event_type: str) -> pl.DataFrame | None:
        """The rows of one event type, or None when there are none."""
        found = self.frames.get(event_type)
        return None if found is None or found.is_empty() else found

    @property
    def spans(self) -> "Sequence[Span]":
        """Which offsets of which partitions."""
        raise NotImplementedError

    def _only(self, event_types: Set[str] | None) -> "Mapping[str, pl.DataFrame] | None":
        """The frames of these event types; None where they are all."""
        if event_types is None or self.frames.keys() <= event_types:
            return None
        return MappingProxyType({name: self.frames[name] for name in self.frames if name in event_types})

    def rows(self, *event_types: str) -> list[dict[str, Any]]:
        """The rows of these event types (all when none is named) in offset order: for rare events."""
        names = event_types or tuple(self.frames)
        found = [row for name in names if name in self.frames for row in self.frames[name].to_dicts()]
        return sorted(found, key=lambda row: int(row[OFFSET]))


@dataclass(frozen=True, slots=True)
class Span:
    """The offsets [start, next) of a partition; ``clock`` is the greatest appended_at of their records,
    epoch ms, 0 without any."""

    partition: int
    start: int
    next: int
    clock: int = 0


@dataclass(frozen=True, slots=True)
class RecordBatch(Records):
    """Records [start, next) of one partition, rows in offset order."""

    topic: str
    partition: int
    start: int
    next: int
    frames: Mapping[str, pl.DataFrame] = field(default_factory=lambda: MappingProxyType({}))
    _received: tuple[int, ...] | None = field(default=None, init=False, compare=False, repr=False)

    @classmethod
    def of(cls, batches: Sequence["RecordBatch"]) -> "RecordBatch":
        """Batches of one partition as one; each begins where the one before it ends."""
        first, *others = batches
        return replace(first, next=batches[-1].next, frames=_joined(batches)) if others else first

    @property
    def spans(self) -> Sequence[Span]:
        return (Span(self.partition, self.start, self.next, self.clock),)

    @property
    def clock(self) -> int:
        """The stream clock after this batch: the greatest appended_at, epoch ms; 0 without rows."""
        greatest = (frame[APPENDED_AT].max() for frame in self.frames.values() if frame.height)
        return max((int(one) for one in greatest if isinstance(one, int)), default=0)

    def only(self, event_types: Set[str] | None) -> "RecordBatch":
        """The same offsets, and of their records those of these event types: the clock is theirs, too. None:
        all."""
        frames = self._only(event_types)
        return self if frames is None else replace(self, frames=frames)

    def since(self, offset: int) -> "RecordBatch":
        """The part of the batch from this offset on; start moves to it."""
        if offset <= self.start:
            return self
        return replace(self, start=offset, frames=self._where(pl.col(OFFSET) >= offset))

    def until(self, offset: int) -> "RecordBatch":
        """The part of the batch before this offset; next moves to it."""
        if offset >= self.next:
            return self
        return replace(self, next=offset, frames=self._where(pl.col(OFFSET) < offset))

    def pieces(self, rows: int) -> Iterator["RecordBatch"]:
        """The batch cut at offsets into pieces of at most this many rows, joined seamlessly."""
        if len(self) <= rows:
            yield self
            return
        offsets = pl.concat([f[OFFSET] for f in self.frames.values() if f.height]).sort()
        rest = self
        for cut in offsets.gather_every(rows)[1:]:
            yield rest.until(cut)
            rest = rest.since(cut)
        yield rest

    def _where(self, condition: pl.Expr) -> Mapping[str, pl.DataFrame]:
        kept = {name: frame.filter(condition) for name, frame in self.frames.items()}
        return MappingProxyType({name: frame for name, frame in kept.items() if frame.height})


@dataclass(frozen=True, slots=True)
class TopicBatch(Records):
    """Records of one or more partitions of a topic, each partition's in offset order."""

    topic: str
    spans: Sequence[Span]
    frames: Mapping[str, pl.DataFrame] = field(default_factory=lambda: MappingProxyType({}))
    _received: tuple[int, ...] | None = field(default=None, init=False, compare=False, repr=False)

    @classmethod
    def of(cls, batches: Sequence[RecordBatch]) -> "TopicBatch":
        """Batches of different partitions of one topic as one."""
        spans = tuple(span for batch in batches for span in batch.spans)
        return cls(batches[0].topic, spans, _joined(batches))

    def only(self, event_types: Set[str] | None) -> "TopicBatch":
        """As `RecordBatch.only`, of every partition."""
        frames = self._only(event_types)
        if frames is None:
            return self
        return TopicBatch.of([one.only(event_types) for one in self.batches()])

    def batches(self) -> list[RecordBatch]:
        """Each partition's own batch, in the order of the spans."""
        if len(self.spans) == 1:
            (span,) = self.spans
            return [RecordBatch(self.topic, span.partition, span.start, span.next, self.frames)]
        return [
            RecordBatch(self.topic, one.partition, one.start, one.next, self._of(one.partition))
            for one in self.spans
        ]

    def _of(self, partition: int) -> Mapping[str, pl.DataFrame]:
        kept = {name: frame.filter(pl.col(PARTITION) == partition) for name, frame in self.frames.items()}
        return MappingProxyType({name: frame for name, frame in kept.items() if frame.height})


def _joined(batches: Sequence[RecordBatch]) -> Mapping[str, pl.DataFrame]:
    names = sorted({name for batch in batches for name in batch.frames})
    return MappingProxyType(
        {name: pl.concat([one.frames[name] for one in batches if name in one.frames]) for name in names}
    )
