"""How far the folds are behind, told to whoever asks; and a watchdog for a worker that stands still."""

import threading
import time
from collections.abc import Sequence

from infra.clock import Clock
from infra.telemetry import LAG, Log
from projections.lag import FoldLag, LagWrites
from projections.position import StoreUnavailable
from streams.exits import STUCK, Leave, leave
from streams.lane import Lane

_log = Log("streams")
PATIENCE_S = 75.0
"""Longer than a sink's client waits for an answer (60 s): a sink that hangs is no reason to end the worker,
whose other lanes go on."""


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
    """Each second: tells the lags, and looks for a lane that has work and does none.

    Runs outside the event loop, which may be what stands still. Where a sink, the registry or the log
    is away, standing still is right; otherwise ``patience_s`` without progress ends the process.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        told: LagWrites,
        clock: Clock,
        patience_s: float = PATIENCE_S,
        leave: Leave = leave,
    ) -> None:
        super().__init__(name="watch", daemon=True)
        self._lanes, self._told, self._clock = lanes, told, clock
        self._patience_s, self._leave = patience_s, leave
        self._moved: dict[str, tuple[int, float]] = {}
        self._stop = threading.Event()

    def run(self) -> None:
        while not self._stop.wait(1.0):
            self._round()

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()

    def look(self, lane: Lane, now: float) -> None:
        """End the process when this lane has stood still for too long."""
        known = lags([lane], 0)
        at = seen(lane)
        moved, since = self._moved.get(lane.name, (-1, now))
        if at != moved or lane.waiting or not any(one.lag for one in known):
            self._moved[lane.name] = (at, now)
        elif now - since >= self._patience_s:
            behind = sum(one.lag for one in known)
            line = f"lane {lane.name} is {behind} records behind and has not moved for {now - since:.0f} s"
            self._leave(STUCK, line)

    def _round(self) -> None:
        try:
            for lane in self._lanes:
                self.look(lane, time.monotonic())
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
