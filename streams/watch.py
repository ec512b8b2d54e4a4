"""How far the folds are behind, told to whoever asks; and a watchdog for a worker that stands still."""

import asyncio
import threading
import time
from collections.abc import Sequence

from infra.clock import Clock
from infra.telemetry import LAG, Log
from projections.lag import FoldLag, LagWrites
from projections.position import StoreUnavailable
from streams.exits import STUCK, Leave, leave
from streams.lane.lane import Lane

_log = Log("streams")
PATIENCE_S = 30.0
"""How long a lane may have work, no known outage, and do nothing; how long the event loop may not answer."""
LONGEST_S = 90.0
"""... while a store's client waits for its answer (the most patient gives up after 60 s, and then the sink
is known to be away), or while only partitions are behind that could not be placed yet: one has no leader."""
GAP_S = 5.0
"""Longer between two looks is no standing still: the whole process was stopped, and nobody had a chance."""


def lags(lanes: Sequence[Lane], now_ms: int) -> list[FoldLag]:
    """Every fold's place in every partition that this worker holds. A fold that could not be placed yet,
    because its store does not answer, is behind by all of the log."""
    found = []
    for lane in lanes:
        if lane.assignment is None:
            continue
        for key, (low, high) in [*lane.assignment.bounds.items()]:
            held = lane.assignment.held.get(key)
            for runner in lane.assignment.readers(key):
                position = runner.position(key)
                if position is None:
                    if held is not None:
                        continue  # it lost its place just now, and is given one in the lane's next round
                    position = low
                end = max(held.high if held else high, position)
                found.append(FoldLag(runner.name, *key, position, end, now_ms))
    return found


def seen(lane: Lane) -> int:
    """Grows with every record that a fold of the lane was shown, also again: reading history back is work
    too, and must not look like standing still."""
    if lane.assignment is None:
        return 0
    cursors = (
        runner.cursor(key) for key in [*lane.assignment.bounds] for runner in lane.assignment.readers(key)
    )
    return sum(cursor for cursor in cursors if cursor is not None)


class Watch(threading.Thread):
    """Each second: tells the lags, and looks for a lane that has work and does none, and a blocked loop.

    Runs outside the event loop, which may be what stands still. Where a sink, the registry or the log
    is away, standing still is right; otherwise ``patience_s`` without progress ends the process. Time counts
    in which the process ran: one that was frozen and goes on starts with what it had.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        told: LagWrites,
        clock: Clock,
        patience_s: float = PATIENCE_S,
        leave: Leave = leave,
        every_s: float = 1.0,
    ) -> None:
        super().__init__(name="watch", daemon=True)
        self._lanes, self._told, self._clock = lanes, told, clock
        self._patience_s, self._leave, self._every_s = patience_s, leave, every_s
        self._moved: dict[str, tuple[int, float]] = {}
        self._stop = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answered = 0.0
        self._looked = time.monotonic()
        self._frozen_s = 0.0

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch this loop too, from now on."""
        self._loop = loop
        self._looked = self._answered = time.monotonic()
        self.start()

    def run(self) -> None:
        while not self._stop.wait(self._every_s):
            self._round(self.lived(time.monotonic()))

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()

    def lived(self, now: float) -> float:
        """The time without what the process was frozen; asked once a round."""
        gap, self._looked = now - self._looked, now
        if gap > GAP_S:
            self._frozen_s += gap - 1.0
        return now - self._frozen_s

    def look(self, lane: Lane, now: float) -> None:
        """End the process when this lane has stood still for too long."""
        gone = {} if lane.assignment is None else lane.assignment.gone
        known = [one for one in lags([lane], 0) if (one.topic, one.partition) not in gone]
        at = seen(lane)
        moved, since = self._moved.get(lane.name, (-1, now))
        if at != moved or lane.waiting or not any(one.lag for one in known):
            self._moved[lane.name] = (at, now)
        elif now - since >= (LONGEST_S if _excused(lane, known) else self._patience_s):
            behind = sum(one.lag for one in known)
            line = f"lane {lane.name} is {behind} records behind and has not moved for {now - since:.0f} s"
            self._leave(STUCK, line)

    def look_at_loop(self, now: float) -> None:
        """End the process when the event loop has not answered for too long; ask it again."""
        if self._loop is None or self._loop.is_closed():
            return
        if now - self._answered >= self._patience_s:
            self._leave(STUCK, f"the event loop has not answered for {now - self._answered:.0f} s")
        self._loop.call_soon_threadsafe(self._answer, now)

    def _answer(self, asked_at: float) -> None:
        self._answered = max(self._answered, asked_at)

    def _round(self, now: float) -> None:
        try:
            self.look_at_loop(now)
            for lane in self._lanes:
                self.look(lane, now)
            self._tell(lags(self._lanes, self._clock.now_ms()))
        except Exception as error:  # who watches must go on
            _log.error("timer_failed", timer="watch", error=repr(error), exc_info=error)

    def _tell(self, known: list[FoldLag]) -> None:
        for one in known:
            LAG.labels(one.fold, one.topic, str(one.partition)).set(one.lag)
        try:
            self._told.tell(known)
        except StoreUnavailable as error:
            _log.debug("sink_unavailable", detail=str(error))


def _excused(lane: Lane, known: Sequence[FoldLag]) -> bool:
    """Whether what stands still may do so a little longer."""
    assert lane.assignment is not None
    held = lane.assignment.held
    placed = any(one.lag for one in known if (one.topic, one.partition) in held)
    return not placed or any(outlet.runner.asking for outlet in lane.outlets)
