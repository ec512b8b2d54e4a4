"""A fold in a replay: on a thread of its own, with its place in each partition; and what is read for it."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Self, TypeVar

from infra.archive_store import ArchiveUnavailable
from projections.position import FoldStore, StoreUnavailable
from schemas.batch import RecordBatch
from streams.folding.handouts import Handout
from streams.folding.progress import Key, Progress, Step
from streams.replay.source import Source

T = TypeVar("T")
PATIENCE_S = 60.0
"""How long a store may be away, or be moved on by somebody else."""


class ReplayLane:
    """One fold. What it is given it folds in that order; while nothing is under way, `start` may be asked."""

    def __init__(self, fold: FoldStore, source: Source) -> None:
        self._progress = Progress(fold, source.accept_loss)
        self._source = source
        self._thread = ThreadPoolExecutor(1, f"replay-{fold.name}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    def start(self, key: Key) -> int:
        """Where to read from. Raises as `Progress.start` does."""
        return self._progress.start(key, self._source.view(key), 0)

    def give(self, batch: RecordBatch) -> Future[Step]:
        """Fold it when its turn comes; the store may be away for a minute."""
        return self._thread.submit(patiently, partial(self._progress.step, Handout(batch, 0)))

    def drop(self, key: Key) -> Future[None]:
        """Forget the partition, after what was given."""
        return self._thread.submit(self._progress.drop, key)


@dataclass(slots=True)
class Stretch:
    """Offsets of a partition for the folds that lack some of them, each up to its cut.

    ``over``: not to be read to its end, for a fold stands elsewhere: another round begins there.
    """

    key: Key
    start: int
    until: int
    readers: Sequence[tuple[ReplayLane, int]]
    over: bool = False
    _left: list[Future[None]] = field(default_factory=list)

    def give(self, batch: RecordBatch) -> list[Future[Step]]:
        """Hand the batch to its readers, each what lies before its cut."""
        return [lane.give(batch.until(cut)) for lane, cut in self.readers if batch.start < cut]

    def leave(self) -> None:
        """No more of this: its readers let go of what they remember of the partition, in their turn."""
        if not self._left:
            self._left = [lane.drop(self.key) for lane, _ in self.readers]

    def left(self) -> None:
        """Wait until they have: they may be asked for their places again."""
        self.leave()
        for one in self._left:
            one.result()


def patiently(call: Callable[[], T]) -> T:
    """Try for a minute while the store is away."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return call()
        except (StoreUnavailable, ArchiveUnavailable):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
