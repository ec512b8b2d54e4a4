"""The replay: the log folded into a generation, archive first, with the live folds and no effector.

Where it goes on is what the stores' positions say: a run that was killed is simply begun again. It reads
a partition at a time, in columns, and hands each batch to every fold at once. State goes where the
generation's keys and tables are; live state is not touched.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from infra.archive_store import ArchiveUnavailable
from infra.telemetry import Log
from projections.position import FoldStore, StoreUnavailable
from schemas.batch import RecordBatch
from streams.ahead import ahead
from streams.decoding import Decoder
from streams.progress import Handout, Key, Progress, Step
from streams.replay_plan import Cuts, Place, Refused
from streams.replay_source import Source

T = TypeVar("T")
_log = Log("streams")
BATCH_ROWS = 20_000
PATIENCE_S = 60.0
"""How long a store may be away, or be moved on by somebody else."""


@dataclass(slots=True)
class ReplayReport:
    """What was folded and how fast. ``cut``: by partition, the offset after the last that a fold was to take;
    ``archived``: how many of the records that were read came from the archive."""

    generation: int
    events: int = 0
    read: int = 0
    archived: int = 0
    unreadable: int = 0
    total: int = 0
    seconds: float = 0.0
    folds: tuple[str, ...] = ()
    cut: dict[Key, int] = field(default_factory=dict)
    resumed: bool = False

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds if self.seconds else 0.0

    @property
    def left_s(self) -> float | None:
        """How much longer it takes at this rate; None when that is not known yet."""
        left = max(0, self.total - self.events - self.unreadable)
        return left / self.rate if self.events else None if left else 0.0


@dataclass(slots=True)
class Replay:
    """One run. ``tell`` hears of the report as it grows, about once a second; ``rate``: events a second at
    most, 0 for as fast as it goes."""

    source: Source
    decoder: Decoder
    report: ReplayReport
    rate: int = 0
    tell: Callable[[ReplayReport], None] = lambda report: None
    _begun: float = field(default_factory=time.monotonic)
    _told: float = 0.0

    def fold_to(self, folds: Sequence[FoldStore], cuts: Cuts) -> None:
        """Bring every fold exactly to its cuts; those beyond them stay where they are.

        Raises StoreUnavailable, ArchiveUnavailable, LogGone, LogMismatch, DamagedArchive.
        """
        self.report.folds = tuple(fold.name for fold in folds)
        wanted = _by_partition(folds, cuts)
        for key, readers in wanted.items():
            self.report.cut[key] = max(cut for _, cut in readers)
            self.report.total += self._ahead_of(key, readers)
        with ExitStack() as stack:
            threads = {
                fold.name: stack.enter_context(ThreadPoolExecutor(1, f"replay-{fold.name}")) for fold in folds
            }
            before = -1
            while before != self.report.events:  # a store that lost its data meanwhile needs another round
                before = self.report.events
                for key, readers in wanted.items():
                    self._partition(key, readers, threads)
        for fold in folds:
            finish = getattr(fold, "close", None)
            if finish is not None:
                finish()
        self._say(0.0)

    def _ahead_of(self, key: Key, readers: Sequence[tuple[FoldStore, int]]) -> int:
        """How many offsets lie before the folds of a partition."""
        positions = [(patiently(partial(fold.position, *key)), cut) for fold, cut in readers]
        self.report.resumed |= any(position is not None for position, _ in positions)
        behind = [(position or 0, cut) for position, cut in positions if (position or 0) < cut]
        if not behind:
            return 0
        start = max(min(position for position, _ in behind), self.source.view(key).low)
        return max(0, max(cut for _, cut in behind) - start)

    def _partition(
        self, key: Key, wanted: Sequence[tuple[FoldStore, int]], threads: dict[str, ThreadPoolExecutor]
    ) -> None:
        behind = [
            (Progress(fold, self.source.accept_loss), cut)
            for fold, cut in wanted
            if (patiently(partial(fold.position, *key)) or 0) < cut
        ]
        moved = time.monotonic()
        while behind:
            places = [(_at(one, key, self.source), cut) for one, cut in behind]
            open_places = [(at, cut) for at, cut in places if at < cut]
            if not open_places:
                break
            start, until = min(at for at, _ in open_places), max(cut for _, cut in open_places)
            before = self.report.events
            if self._stretch(key, start, until, behind, threads):
                break
            if self.report.events != before:
                moved = time.monotonic()
            elif time.monotonic() - moved > PATIENCE_S:
                raise StoreUnavailable(f"somebody else keeps moving the folds of {key[0]}/{key[1]}")
        for one, _ in behind:
            one.drop(key)

    def _stretch(
        self,
        key: Key,
        start: int,
        until: int,
        behind: Sequence[tuple[Progress, int]],
        threads: dict[str, ThreadPoolExecutor],
    ) -> bool:
        """Fold these offsets; False when a fold turned out to stand elsewhere: it is read for again."""
        for batch, unreadable in ahead(lambda: self._batches(key, start, until)):
            running = [
                threads[one.fold.name].submit(patiently, partial(one.step, Handout(batch.until(cut), 0)))
                for one, cut in behind
                if batch.start < cut
            ]
            steps: list[Step] = [one.result() for one in running]
            folded = max((len(one.folded) for one in steps if one.folded is not None), default=0)
            self.report.events += folded  # what was only shown again (a window of history) is no progress
            self.report.unreadable += unreadable
            self._say(1.0)
            if any(one.seek for one in steps):
                return False
            self._slow_down()
        return True

    def _batches(self, key: Key, start: int, until: int) -> Iterator[tuple[RecordBatch, int]]:
        rows = BATCH_ROWS if not self.rate else max(1, min(BATCH_ROWS, self.rate // 4))
        before = self.source.archived
        for piece in self.source.read(key, start, until, rows):
            batch, invalid = self.decoder.assemble(piece.run, piece.schemas)
            self.report.read += len(piece.run)
            self.report.archived += self.source.archived - before
            before = self.source.archived
            yield replace(batch, next=piece.next), len(invalid)

    def _slow_down(self) -> None:
        if self.rate:
            time.sleep(max(0.0, self.report.events / self.rate - (time.monotonic() - self._begun)))

    def _say(self, every_s: float) -> None:
        now = time.monotonic()
        self.report.seconds = now - self._begun
        if now - self._told >= every_s:
            self._told = now
            self.tell(self.report)


def turned_back(folds: Sequence[FoldStore], cuts: Cuts) -> None:
    """Raise Refused when a fold stands beyond its cut: what is folded cannot be taken out again."""
    for key, readers in _by_partition(folds, cuts).items():
        for fold, cut in readers:
            position = patiently(partial(fold.position, *key))
            if position is not None and position > cut:
                raise Refused(
                    f"fold {fold.name} stands at {position} of {key[0]}/{key[1]}, beyond {cut}: a generation "
                    "is not folded back. Use one that is new, or free this one first with `reelfold drop`"
                )


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


def _at(one: Progress, key: Key, source: Source) -> int:
    return patiently(lambda: one.start(key, source.view(key), 0))


def _by_partition(folds: Sequence[FoldStore], cuts: Cuts) -> dict[Key, list[tuple[FoldStore, int]]]:
    found: dict[Key, list[tuple[FoldStore, int]]] = {}
    named = {fold.name: fold for fold in folds}
    place: Place
    for place, cut in sorted(cuts.items(), key=lambda one: (one[0][1:], one[0][0])):
        if place[0] in named:
            found.setdefault((place[1], place[2]), []).append((named[place[0]], cut))
    return found
