"""The replay: the log folded into a generation, archive first, with the live folds and no effector.

Where it goes on is what the stores' positions say: a run that was killed is simply begun again. It reads
one partition after the other in large batches, the next ones while these are folded, and each fold goes
at its own pace on a thread of its own: nobody waits where a partition ends. State goes where the
generation's keys and tables are; live state is not touched.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial

from projections.position import FoldStore, StoreUnavailable
from schemas.batch import RecordBatch
from streams.batches.decoding import Decoder
from streams.folding.progress import Key, Step
from streams.replay.ahead import ahead
from streams.replay.lane import PATIENCE_S, ReplayLane, Stretch, patiently
from streams.replay.plan import Cuts, Place, Refused
from streams.replay.source import Source

BATCH_ROWS = 50_000
"""Of a batch at most; few of them, for a store is written to once for each, and once for each of its keys."""
UNDER_WAY = 2
"""Batches that are being folded at once: by how much a fold may be ahead of another."""


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
    _planned: bool = False

    def fold_to(self, folds: Sequence[FoldStore], cuts: Cuts) -> None:
        """Bring every fold exactly to its cuts; those beyond them stay where they are.

        Raises StoreUnavailable, ArchiveUnavailable, LogGone, LogMismatch, DamagedArchive.
        """
        self.report.folds = tuple(fold.name for fold in folds)
        wanted = _by_partition(folds, cuts)
        self.report.cut = {key: max(cut for _, cut in readers) for key, readers in wanted.items()}
        with ExitStack() as stack:
            lanes = {fold.name: stack.enter_context(ReplayLane(fold, self.source)) for fold in folds}
            stretches = self._stretches(wanted, lanes)
            moved = time.monotonic()
            while stretches:  # a store that lost its data, or was moved on by somebody, needs another round
                before = self.report.events
                self._round(stretches)
                if self.report.events != before:
                    moved = time.monotonic()
                elif time.monotonic() - moved > PATIENCE_S:
                    raise StoreUnavailable(f"somebody else keeps moving the folds of {stretches[0].key}")
                stretches = self._stretches(wanted, lanes)
        for fold in folds:
            finish = getattr(fold, "close", None)
            if finish is not None:
                patiently(finish)
        self._say(0.0)

    def _stretches(
        self, wanted: dict[Key, list[tuple[FoldStore, int]]], lanes: dict[str, ReplayLane]
    ) -> list[Stretch]:
        """What is to be read of each partition, where a fold is behind its cut."""
        found, stood = list[Stretch](), False
        for key, readers in wanted.items():
            behind = []
            for fold, cut in readers:
                position = patiently(partial(fold.position, *key)) if cut else None
                stood |= position is not None
                if (position or 0) < cut:
                    behind.append((lanes[fold.name], cut))
            places = [(patiently(partial(lane.start, key)), cut) for lane, cut in behind]
            ahead_of = [(at, cut) for at, cut in places if at < cut]
            if ahead_of:
                start, until = min(at for at, _ in ahead_of), max(cut for _, cut in ahead_of)
                found.append(Stretch(key, start, until, behind))
        if not self._planned:
            self._planned, self.report.resumed = True, stood
            self.report.total = sum(one.until - one.start for one in found)
        return found

    def _round(self, stretches: Sequence[Stretch]) -> None:
        """Fold these offsets; a stretch ends early when a fold turned out to stand elsewhere."""
        running: deque[tuple[Stretch, list[Future[Step]]]] = deque()
        last: Stretch | None = None
        for stretch, batch, unreadable in ahead(lambda: self._read(stretches)):
            if last is not None and last is not stretch:
                last.leave()
            last = stretch
            self.report.unreadable += unreadable
            running.append((stretch, stretch.give(batch)))
            while len(running) > (0 if self.rate else UNDER_WAY - 1):
                self._await(*running.popleft())
            self._slow_down()
        while running:
            self._await(*running.popleft())
        for stretch in stretches:
            stretch.left()

    def _await(self, stretch: Stretch, running: Sequence[Future[Step]]) -> None:
        steps = [one.result() for one in running]
        folded = max((len(one.folded) for one in steps if one.folded is not None), default=0)
        self.report.events += folded  # what was only shown again (a window of history) is no progress
        stretch.over |= any(one.seek for one in steps)
        self._say(1.0)

    def _read(self, stretches: Sequence[Stretch]) -> Iterator[tuple[Stretch, RecordBatch, int]]:
        for stretch in stretches:
            for batch, unreadable in self._batches(stretch.key, stretch.start, stretch.until):
                yield stretch, batch, unreadable
                if stretch.over:
                    break

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


def _by_partition(folds: Sequence[FoldStore], cuts: Cuts) -> dict[Key, list[tuple[FoldStore, int]]]:
    found: dict[Key, list[tuple[FoldStore, int]]] = {}
    named = {fold.name: fold for fold in folds}
    place: Place
    for place, cut in sorted(cuts.items(), key=lambda one: (one[0][1:], one[0][0])):
        if place[0] in named:
            found.setdefault((place[1], place[2]), []).append((named[place[0]], cut))
    return found
