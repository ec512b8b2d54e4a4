"""A fold at work: its own thread, its patience with a sink that is away, its figures.

All calls of one fold happen on one thread of its own, so folds need no locks and a slow one starves no
other. A sink that does not answer is waited for, for ever: nothing is dead-lettered, lag grows. What is
neither a refusal nor an outage is a bug and ends the process; nothing is lost, the position stands.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from infra.clock import Clock
from infra.failpoints import reach
from infra.telemetry import Log
from projections.position import FoldsTopics, FoldStore, PositionConflict, StoreUnavailable
from schemas.batch import Records
from streams.exits import BUG, Leave, leave
from streams.folding.asking import asks_a_store
from streams.folding.handouts import Handout, Handouts
from streams.folding.held_back import HeldBack
from streams.folding.hold import FREE
from streams.folding.meters import Meters
from streams.folding.progress import Key, LogView, Past, Progress, nothing

P = ParamSpec("P")
T = TypeVar("T")

_log = Log("streams")

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0


class FoldRunner:
    """One fold of a lane. ``seek`` asks the lane to read a partition anew from where the folds stand."""

    def __init__(
        self,
        fold: FoldStore,
        seek: Callable[[Key], None],
        clock: Clock,
        accept_loss: bool = False,
        leave: Leave = leave,
        past: Past = nothing,
    ) -> None:
        self.fold = fold
        self._takes_topics = isinstance(fold, FoldsTopics)
        self.down = False
        """The sink is known to be away."""
        self.bound: Callable[[Key], int | None] = FREE
        """Up to which offset of a partition it may fold (streams/folding/hold.py)."""
        self._progress = Progress(fold, accept_loss, self._report_conflict, past)
        self._meters = Meters.of(fold.name)
        self._seek = seek
        self._clock = clock
        self._leave = leave
        self._thread = ThreadPoolExecutor(1, f"fold-{fold.name}")
        self._closed = False
        self._last: Future[None] | None = None
        self._stepping: int | None = None
        self._held_back = HeldBack(self._fold, lambda key: self.bound(key), lambda: self._closed)

    @property
    def name(self) -> str:
        return self.fold.name

    @property
    def asking(self) -> bool:
        """Whether a step waits for an answer of the store just now; for the watch, from its thread."""
        thread_id = self._stepping
        return thread_id is not None and asks_a_store(thread_id)

    def start(self, key: Key, log: LogView, epoch: int) -> int:
        """From the lane: where to read for this fold. Raises StoreUnavailable, LogMismatch."""
        if self._closed:
            raise StoreUnavailable("the worker is stopping")
        try:
            cursor = self._thread.submit(self._progress.start, key, log, epoch).result()
        except StoreUnavailable as error:
            self._report_down(error)
            raise
        self._report_up()
        return cursor

    def drop(self, key: Key) -> None:
        """From the lane: the partition is gone. Waits for what is being folded."""
        if not self._closed:
            self._thread.submit(self._progress.drop, key).result()

    def cursor(self, key: Key) -> int | None:
        """The next offset that the fold wants to see."""
        place = self._progress.places.get(key)
        return None if place is None else place.cursor

    def position(self, key: Key) -> int | None:
        """The next offset to fold, as far as known; before the first fold, where the log was begun."""
        place = self._progress.places.get(key)
        if place is None or place.lost:
            return None
        return place.cursor if place.position is None else place.position

    @property
    def held(self) -> bool:
        """It stands still on purpose, in some partition at least."""
        return self._held_back.any

    async def handle(self, *flush: Handouts) -> None:
        """Fold batches of different topics; returns when they are done with: folded, seen before, or too
        late, after `close`, or kept for when a hold lets them go on. Never raises."""
        if len(flush) > 1 and self._takes_topics and self._held_back.lets(flush):
            await self._fold(*flush)
            return
        for handouts in flush:
            await self._held_back.take(handouts)

    async def _fold(self, *flush: Handouts) -> None:
        """In as few steps as can be."""
        try:
            await self._stepwise(flush)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            where = "; ".join(map(str, flush))
            self._leave(BUG, f"fold {self.name} failed on {where}: {error!r}", error)

    async def _stepwise(self, flush: Sequence[Handouts]) -> None:
        """In one step, or topic by topic and partition by partition where something speaks against that."""
        if sum(map(len, flush)) > 1 and await self._together(flush):
            return
        if len(flush) > 1:
            for one in flush:
                await self._stepwise([one])
            return
        for handout in flush[0].each():
            await self._through(handout)

    async def _together(self, flush: Sequence[Handouts]) -> bool:
        """Fold all of it in one step; False when it must go in smaller ones."""
        tried = await self._tried(partial(self._progress.together, *flush))
        if tried is None:
            return True
        done, seconds = tried
        if done:
            self._folded([one.batch for one in flush], seconds)
        return done

    async def _through(self, handout: Handout) -> None:
        batch = handout.batch
        tried = await self._tried(partial(self._progress.step, handout))
        if tried is None:
            return
        done, seconds = tried
        if done.seek:
            self._seek((batch.topic, batch.partition))
        elif done.folded is not None:
            self._folded([done.folded], seconds)

    async def audit(self) -> None:
        """Compare stored positions with the expected: a sink that lost its data is filled again."""
        if self._closed or not self._progress.places:
            return
        try:
            for key in await self._call(self._progress.audit):
                _log.warning("position_conflict", fold=self.name, topic=key[0], partition=key[1])
                self._seek(key)
        except StoreUnavailable as error:
            self._report_down(error)
        except Exception as error:
            self._leave(BUG, f"fold {self.name} cannot tell where it stands: {error!r}", error)
        else:
            self._report_up()

    def close(self) -> None:
        """Take no more; what is being folded is finished, what waits is left to the next worker."""
        if self._closed:
            return
        self._closed = True
        close = getattr(self.fold, "close", None)
        if close is not None:
            self._last = self._thread.submit(close)
        self._thread.shutdown(wait=False)

    def finish(self, patience_s: float) -> None:
        """After `close`: wait for what the fold does beside its batches, but not for ever."""
        try:
            if self._last is not None:
                self._last.result(patience_s)
        except TimeoutError:
            _log.warning("sink_unavailable", fold=self.name, error=f"not done in {patience_s} s")

    async def _tried(self, step: Callable[[], T]) -> tuple[T, float] | None:
        """What the step answers, and the seconds that it took; again and again while the store is away. None
        after `close`."""
        pause = FIRST_PAUSE_S
        while not self._closed:
            begun = time.perf_counter()
            try:
                done = await self._call(self._stepped, step)
            except StoreUnavailable as error:
                self._report_down(error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
                continue
            self._report_up()
            return done, time.perf_counter() - begun
        return None

    def _folded(self, batches: Sequence[Records], seconds: float) -> None:
        reach("between_sinks", self.name)
        self._meters.measure(batches, seconds, self._clock.now_ms())

    def _stepped(self, step: Callable[[], T]) -> T:
        self._stepping = threading.get_ident()
        try:
            return step()
        finally:
            self._stepping = None

    async def _call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: function(*args, **kwargs))

    def _report_conflict(self, conflict: PositionConflict) -> None:
        _log.warning("position_conflict", fold=self.name, expected=conflict.expected, stored=conflict.stored)

    def _report_down(self, error: StoreUnavailable) -> None:
        if not self.down:
            _log.error("sink_unavailable", fold=self.name, error=str(error))
        self.down = True

    def _report_up(self) -> None:
        if self.down:
            _log.info("sink_recovered", fold=self.name)
        self.down = False
