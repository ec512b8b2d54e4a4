"""The memory twin of the Redis ledger: the same positions, the same refusals."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock

from projections.ledgered import Ledgered
from projections.position import PositionConflict
from schemas.batch import RecordBatch, TopicBatch

Place = tuple[str, int]
"""(topic, partition)"""


@dataclass(slots=True)
class MemoryLedger:
    """One fold's positions and clocks. Part of a room's state: several folds may share it, as workers
    share a Redis; ``lock`` makes a transaction one step for readers in other threads."""

    positions: dict[Place, int] = field(default_factory=dict)
    clocks: dict[Place, int] = field(default_factory=dict)
    lock: RLock = field(default_factory=RLock)

    def position(self, topic: str, partition: int) -> int | None:
        """The next offset to fold, or None when nothing was folded yet."""
        return self.positions.get((topic, partition))

    def stream_clock(self, topic: str, partition: int) -> int:
        """The greatest appended_at folded of this partition, epoch ms; 0 when none."""
        return self.clocks.get((topic, partition), 0)

    @contextmanager
    def transaction(self, batch: RecordBatch, expected: int | None) -> Iterator[None]:
        """Change state inside; the position moves at the end. PositionConflict before anything changes."""
        place = batch.topic, batch.partition
        with self.lock:
            stored = self.position(*place)
            if stored != expected:
                raise PositionConflict(expected, stored)
            yield
            self.positions[place] = batch.next
            self.clocks[place] = max(batch.clock, self.stream_clock(*place))


class MemoryFold(Ledgered[MemoryLedger]):
    """A FoldStore over a MemoryLedger; a room says only how a batch changes its state."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self.ledger = ledger

    def change(self, batch: RecordBatch) -> None:
        """Change the state by this batch."""
        raise NotImplementedError

    def apply(self, batch: RecordBatch, expected: int | None) -> None:
        batch = batch.only(self.events)
        try:
            with self.ledger.transaction(batch, expected):
                self.change(batch)
        except PositionConflict as conflict:
            self.committed(batch.until(conflict.stored or 0))  # folded, by whomever
            raise
        self.committed(batch)

    def apply_together(self, batch: TopicBatch, expected: Sequence[int | None]) -> None:
        for one, before in zip(batch.batches(), expected, strict=True):
            self.apply(one, before)

    def apply_topics(self, batches: Sequence[TopicBatch], expected: Sequence[Sequence[int | None]]) -> None:
        for batch, before in zip(batches, expected, strict=True):
            self.apply_together(batch, before)
