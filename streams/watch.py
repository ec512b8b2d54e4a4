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


def lags(lanes: Sequence[Lane], now_ms: int) -> list[FoldLag]:
    """Every fold's place in every partition that this worker reads."""
    found = []
    for lane in lanes:
        if lane.assignment is None:
            continue
        for key, held in [*lane.assignment.held.items()]:
            for runner in lane.assignment.readers(key):
                position = runner.position(key)
                if position is not None:
                    end = max(held.high, position)
                    found.append(FoldLag(runner.name, *key, position, end, now_ms))
    return found


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
        patience_s: float = 30.0,
        leave: Leave = leave,
    ) -> None:
        super().__init__(name="watch", daemon=True)
        self._lanes, self._told, self._clock = lanes, told, clock
        self._patience_s, self._leave = patience_s, leave
        self._moved: dict[str, tuple[int, float]] = {}
        self._stop = threading.Event()

    def run(self) -> None:
        while not self._stop.wait(1.0):
            for lane in self._lanes:
                self.look(lane, time.monotonic())
            self._tell(lags(self._lanes, self._clock.now_ms()))

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()

    def look(self, lane: Lane, now: float) -> None:
        """End the process when this lane has stood still for too long."""
        known = lags([lane], 0)
        at = sum(one.position for one in known)
        moved, since = self._moved.get(lane.name, (-1, now))
        if at != moved or lane.waiting or not any(one.lag for one in known):
            self._moved[lane.name] = (at, now)
        elif now - since >= self._patience_s:
            behind = sum(one.lag for one in known)
            line = f"lane {lane.name} is {behind} records behind and has not moved for {now - since:.0f} s"
            self._leave(STUCK, line)

    def _tell(self, known: list[FoldLag]) -> None:
        for one in known:
            LAG.labels(one.fold, one.topic, str(one.partition)).set(one.lag)
        try:
            self._told.tell(known)
        except StoreUnavailable as error:
            _log.debug("sink_unavailable", detail=str(error))
