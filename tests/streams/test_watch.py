"""Lags that are told, and a worker that stands still."""

from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest

from infra.clock import HandClock
from projections.lag import FoldLag, MemoryLag
from projections.position import StoreUnavailable
from streams.assignment import Held
from streams.lane import Lane
from streams.memory import MemoryLog
from streams.progress import Handout, Key
from streams.sink import FoldRunner
from streams.watch import PATIENCE_S, Watch, lags
from tests.builders import liked
from tests.streams.kafka import Left, RememberingFold

TOPIC = "rf.engagement.v1"
KEY: Key = (TOPIC, 0)


def leave(code: int, line: str, error: BaseException | None = None) -> NoReturn:
    raise Left(f"{code} {line}")


class Site:
    """A lane's outside, with one real fold runner and a log of ten records."""

    def __init__(self, position: int | None = None) -> None:
        self.log = MemoryLog(partitions=1)
        for at in range(10):
            self.log.append(liked("u", f"v{at}", at), appended_at=at)
        self.fold = RememberingFold("f", (TOPIC,), {} if position is None else {KEY: position})
        self.runner = FoldRunner(self.fold, lambda key: None, HandClock(), leave=leave)
        self.assignment = SimpleNamespace(
            bounds={KEY: (0, 10)}, held=dict[Key, Held](), readers=lambda key: [self.runner]
        )
        self.lane = cast(Lane, SimpleNamespace(name="redis", waiting=False, assignment=self.assignment))

    def place(self) -> None:
        start = self.runner.start(KEY, self.log.partition(*KEY), 1)
        self.assignment.held[KEY] = Held(1, start, 10)

    async def read(self, start: int, count: int) -> None:
        await self.runner.handle(Handout(self.log.read(KEY, start, count)[0], 1))


async def test_lags_are_what_is_in_the_log_and_not_folded() -> None:
    site = Site()
    site.place()
    await site.read(0, 4)
    assert lags([site.lane], 7) == [FoldLag("f", TOPIC, 0, 4, 10, 7)]


def test_a_fold_that_could_not_begin_is_behind_by_all_of_the_log() -> None:
    [told] = lags([Site(position=6).lane], 7)
    assert (told.position, told.lag) == (0, 10)


async def test_a_fold_that_waits_for_another_ones_place_tells_its_own() -> None:
    site = Site(position=6)
    site.place()
    site.assignment.held.clear()
    assert [one.lag for one in lags([site.lane], 7)] == [4]


def test_a_lane_without_an_assignment_tells_nothing() -> None:
    site = Site()
    site.lane.assignment = None
    assert lags([site.lane], 7) == []


async def test_a_lane_that_is_behind_and_does_not_move_ends_the_process() -> None:
    site = Site()
    site.place()
    watch = Watch([site.lane], MemoryLag(), HandClock(), leave=leave)
    watch.look(site.lane, 0.0)
    watch.look(site.lane, PATIENCE_S - 1)
    await site.read(0, 4)
    watch.look(site.lane, PATIENCE_S + 1)
    watch.look(site.lane, 2 * PATIENCE_S)
    with pytest.raises(Left, match="75 lane redis is 6 records behind and has not moved"):
        watch.look(site.lane, 2 * PATIENCE_S + 1)


async def test_reading_history_back_is_no_standing_still() -> None:
    site = Site(position=9)
    site.fold.history_ms, site.fold.ledger.clocks[KEY] = 100, 9
    site.place()
    watch = Watch([site.lane], MemoryLag(), HandClock(), leave=leave)
    for step in range(9):
        watch.look(site.lane, step * PATIENCE_S * 0.9)
        await site.read(step, 1)
    assert site.fold.warmed == [(step, step + 1) for step in range(9)]


@pytest.mark.parametrize("still", ["waiting", "at the end"])
async def test_standing_still_is_right_while_a_sink_is_away_and_at_the_end(still: str) -> None:
    site = Site()
    site.place()
    if still == "waiting":
        cast(Any, site.lane).waiting = True
    else:
        await site.read(0, 10)
    watch = Watch([site.lane], MemoryLag(), HandClock(), leave=leave)
    for at in range(5):
        watch.look(site.lane, at * PATIENCE_S)


async def test_a_round_tells_and_no_failure_ends_the_watching() -> None:
    site, told = Site(), MemoryLag()
    site.place()
    Watch([site.lane], told, HandClock(5), leave=leave)._round()
    assert [one.lag for one in await told.lags()] == [10]

    class Failing(MemoryLag):
        error: Exception = StoreUnavailable("away")

        def tell(self, lags: object) -> None:
            raise self.error

    failing = Failing()
    watch = Watch([site.lane], failing, HandClock(), leave=leave)
    watch._round()
    failing.error = KeyError("bug")
    watch._round()
