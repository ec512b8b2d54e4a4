"""The trends are ranked every few seconds, at the clock of the stream: decay needs no new events."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import faust

from infra.telemetry import Log
from projections.position import StoreUnavailable

_log = Log("streams")
RANK_S = 2.0


class Ranking(Protocol):
    """What can be ranked at its own stream clock."""

    @property
    def name(self) -> str: ...

    def clock(self) -> int: ...

    def rank(self, now_clock: int) -> None: ...


def register(app: faust.App, folds: Sequence[Ranking]) -> None:
    """A timer of the app that ranks these."""

    @app.timer(RANK_S)  # type: ignore[untyped-decorator]  # faust has no types
    async def rank() -> None:
        for fold in folds:
            await rank_once(fold)


async def rank_once(fold: Ranking) -> None:
    """Rank now. Ranks are made anew each time and may be old: no failure of theirs ends the worker, and
    none is silent."""
    try:
        await asyncio.to_thread(lambda: fold.rank(fold.clock()))
    except StoreUnavailable as error:
        _log.debug("sink_unavailable", fold=fold.name, error=str(error))
    except Exception as error:
        _log.error("timer_failed", fold=fold.name, error=repr(error), exc_info=error)
