"""The trends are ranked every few seconds, at the clock of the stream: decay needs no new events."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import faust

from infra.telemetry import Log
from projections.position import StoreUnavailable
from projections.trending.fold import SIZES

_log = Log("streams")
LOOK_S = 1.0
"""Between two looks whether it is time."""


class Ranking(Protocol):
    """What can be ranked at its own stream clock, one size of bucket at a time."""

    @property
    def name(self) -> str: ...

    def rank_in_turn(self, size: str) -> None: ...


def register(app: faust.App, folds: Sequence[Ranking]) -> None:
    """A timer of the app for every fold and size: the ranks of an hour do not wait for those of a week."""
    for fold in folds:
        for size in SIZES:
            _register(app, fold, size)


def _register(app: faust.App, fold: Ranking, size: str) -> None:
    @app.timer(LOOK_S)  # type: ignore[untyped-decorator]  # faust has no types
    async def rank() -> None:
        await rank_once(fold, size)


async def rank_once(fold: Ranking, size: str) -> None:
    """Rank if it is time. Ranks are made anew each time and may be old: no failure of theirs ends the
    worker, and none is silent."""
    try:
        await asyncio.to_thread(fold.rank_in_turn, size)
    except StoreUnavailable as error:
        _log.debug("sink_unavailable", fold=fold.name, error=str(error))
    except Exception as error:
        _log.error("timer_failed", fold=fold.name, error=repr(error), exc_info=error)
