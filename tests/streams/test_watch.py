"""Lags that are told, and a worker that stands still."""

import asyncio
import socket
import threading
import time
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest
import redis

from infra.clock import HandClock
from projections.lag import FoldLag, MemoryLag
from projections.position import StoreUnavailable
from schemas.batch import RecordBatch
from streams.folding.handouts import Handout, Handouts
from streams.folding.progress import Key
from streams.folding.runner import FoldRunner
from streams.lane.assignment import Held
from streams.lane.lane import Lane
from streams.lane.memory import MemoryLog
from streams.watch import LONGEST_S, PATIENCE_S, Watch, lags
from tests.builders import liked
from tests.streams.kafka import Left, RememberingFold, until

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
            bounds={KEY: (0, 10)}, held=dict[Key, Held](), gone={}, readers=lambda key: [self.runner]
        )
        self.lane = cast(
            Lane,
            SimpleNamespace(
                name="redis",
                waiting=False,
                assignment=self.assignment,
                outlets=[SimpleNamespace(runner=self.runner)],
            ),
        )

    def place(self) -> None:
        start = self.runner.start(KEY, self.log.partition(*KEY), 1)
        self.assignment.held[KEY] = Held(1, start, 10)

    async def read(self, start: int, count: int) -> None:
        await self.runner.handle(Handouts.of(Handout(self.log.read(KEY, start, count)[0], 1)))


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
        watch.look(site.lane, at * LONGEST_S)


async def test_a_partition_without_a_place_is_given_longer() -> None:
    site = Site(position=2)
    site.place()
    site.assignment.held.clear()
    watch = Watch([site.lane], MemoryLag(), HandClock(), leave=leave)
    for at in (0.0, LONGEST_S - 1):
        watch.look(site.lane, at)
    with pytest.raises(Left, match="8 records behind"):
        watch.look(site.lane, LONGEST_S)


async def test_a_store_that_does_not_answer_is_given_the_time_of_its_client() -> None:
    """A Redis that takes the connection and says nothing; then a fold that hangs in its own code."""
    site, answers = Site(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = redis.Redis(port=silent.getsockname()[1], socket_timeout=0.3)

        def hang(batch: RecordBatch) -> None:
            if answers.is_set():
                time.sleep(0.5)
                return
            try:
                client.get("x")
            except redis.RedisError as error:
                raise StoreUnavailable("silent") from error

        cast(Any, site.fold).change = hang
        site.place()
        watch = Watch([site.lane], MemoryLag(), HandClock(), leave=leave)
        watch.look(site.lane, 0.0)
        asked = asyncio.create_task(site.read(0, 4))
        await until(lambda: site.runner.asking)
        watch.look(site.lane, LONGEST_S - 1)
        answers.set()
        await asked
    watch.look(site.lane, LONGEST_S)
    own = asyncio.create_task(site.read(4, 4))
    await asyncio.sleep(0.1)
    with pytest.raises(Left, match="6 records behind and has not moved for 30 s"):
        watch.look(site.lane, LONGEST_S + PATIENCE_S)
    await own


async def test_a_loop_that_is_blocked_ends_the_process_also_without_work() -> None:
    loop, left = asyncio.get_running_loop(), list[str]()

    def note(code: int, line: str, error: BaseException | None = None) -> NoReturn:
        left.append(f"{code} {line}")
        raise Left(line)

    watch = Watch([], MemoryLag(), HandClock(), patience_s=0.8, leave=note, every_s=0.05)
    watch.begin(loop)
    await asyncio.sleep(1.2)
    assert left == []
    time.sleep(1.2)  # what must never happen in a loop
    watch.close()
    assert left[0].startswith("75 the event loop has not answered for")


def test_the_time_in_which_the_process_was_frozen_does_not_count() -> None:
    watch = Watch([], MemoryLag(), HandClock(), leave=leave)
    begun = watch._looked
    lived = [watch.lived(begun + at) - begun for at in (1.0, 2.0, 62.0, 63.0)]
    assert lived == pytest.approx([1.0, 2.0, 3.0, 4.0])


async def test_a_round_tells_and_no_failure_ends_the_watching() -> None:
    site, told = Site(), MemoryLag()
    site.place()
    Watch([site.lane], told, HandClock(5), leave=leave)._round(0.0)
    assert [one.lag for one in await told.lags()] == [10]

    class Failing(MemoryLag):
        error: Exception = StoreUnavailable("away")

        def tell(self, lags: object) -> None:
            raise self.error

    failing = Failing()
    watch = Watch([site.lane], failing, HandClock(), leave=leave)
    watch._round(0.0)
    failing.error = KeyError("bug")
    watch._round(0.0)
