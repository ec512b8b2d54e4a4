"""Where a fold stands in a partition, and what a store promises about it.

A position is the next offset to fold. It lives in the sink, beside the state, and moves in the same
transaction as the change: a batch that does not begin where the sink stands changes nothing.

ProjectionError
├── PositionConflict   the sink stands elsewhere: go on from there (another worker was faster, or the
│                      sink lost data); nothing was written
└── StoreUnavailable   the sink does not answer: wait and try the same batch again; never dead-letter
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from schemas.batch import RecordBatch, TopicBatch


class ProjectionError(Exception):
    """Base of what a store raises; anything else is a bug and stops the worker."""


class PositionConflict(ProjectionError):
    """The stored position is not the expected one; ``stored`` is None where there is none."""

    def __init__(self, expected: int | None, stored: int | None) -> None:
        super().__init__(f"expected position {expected}, the store stands at {stored}")
        self.expected = expected
        self.stored = stored


class StoreUnavailable(ProjectionError):
    """The store did not answer, or not in time."""


class FoldStore(Protocol):
    """The write side of a projection: folds batches into its store. Called from one thread.

    ``name`` is the fold's, as in position keys and metrics; ``topics`` are what it reads;
    ``history_ms`` is how much of the log before its position (by the stream clock) it must be shown
    again with `warm` after an assignment or a seek, because part of its memory is not in the store.
    A fold that looks at some event types of its topics only may say so in ``events``: the others need not be
    decoded for it, and its stream clock is that of those.
    """

    @property
    def name(self) -> str: ...

    @property
    def topics(self) -> tuple[str, ...]: ...

    @property
    def history_ms(self) -> int: ...

    def position(self, topic: str, partition: int) -> int | None:
        """The next offset to fold, or None when nothing was folded yet. May raise StoreUnavailable."""
        ...

    def stream_clock(self, topic: str, partition: int) -> int:
        """The greatest appended_at (epoch ms) folded of this partition; 0 when none."""
        ...

    def forget(self, topic: str, partition: int) -> None:
        """Drop what is remembered in this process of a partition: before `warm`."""
        ...

    def warm(self, batch: RecordBatch) -> None:
        """Remember a batch that lies before the position. Changes nothing in the store."""
        ...

    def apply(self, batch: RecordBatch, expected: int | None) -> None:
        """Fold the batch and write changes and the position batch.next in one transaction.

        ``expected`` is what `position` answered or the last applied batch's next. Raises
        PositionConflict when the store stands elsewhere, and StoreUnavailable. The change may be cut
        into several transactions at offsets; each carries its position.
        """
        ...


@runtime_checkable
class FoldsTogether(Protocol):
    """A FoldStore that can fold several partitions in one step, for the price of one."""

    def apply_together(self, batch: TopicBatch, expected: Sequence[int | None]) -> None:
        """`apply` for each span of the batch, with what is expected of each.

        Raises PositionConflict when the store stands elsewhere in any of them, and StoreUnavailable: then
        each partition's position tells whether its part was written.
        """
        ...


@runtime_checkable
class FoldsTopics(Protocol):
    """A FoldStore that can fold batches of several topics in one step, for the price of one."""

    def apply_topics(self, batches: Sequence[TopicBatch], expected: Sequence[Sequence[int | None]]) -> None:
        """`apply_together` of each of these batches, which have no partition in common.

        Raises PositionConflict and StoreUnavailable as that does.
        """
        ...
