"""A fold that is held goes on to exactly the bound, in the middle of a batch, and then stands."""

import asyncio
import time
from collections.abc import Iterator

import pytest
import redis

from infra.clock import SystemClock
from infra.settings import Settings
from schemas.batch import RecordBatch
from streams.folding.handouts import Handout, Handouts
from streams.folding.hold import Hold, HoldWatch, held, place_hold, release
from streams.folding.progress import Key
from streams.folding.runner import FoldRunner
from tests.builders import followed, record_batch
from tests.streams.kafka import RememberingFold, until

pytest_plugins = ["tests.redis_server"]
KEY: Key = ("rf.graph.v1", 0)
NEIGHBOUR: Key = ("rf.graph.v1", 1)


class View:
    """A partition of ten records."""

    low, high = 0, 10

    def offset_at(self, appended_at: int) -> int:
        return 0


def batch(partition: int = 0) -> RecordBatch:
    return record_batch("rf.graph.v1", partition, [followed(f"ann-{n}", "bob", n) for n in range(10)])


async def test_a_batch_is_cut_at_the_bound_and_the_rest_waits() -> None:
    fold = RememberingFold("f", ("rf.graph.v1",), {})
    runner = FoldRunner(fold, lambda key: None, SystemClock())
    bounds: dict[str, int | None] = {"at": 0}
    runner.bound = lambda key: bounds["at"]
    runner.start(KEY, View(), 1)
    await runner.handle(Handouts.of(Handout(batch(), 1)))
    assert runner.held
    assert runner.position(KEY) == 0
    bounds["at"] = 7
    await until(lambda: runner.position(KEY) == 7)
    await asyncio.sleep(0.1)
    assert (runner.position(KEY), runner.held) == (7, True)
    bounds["at"] = None
    await until(lambda: not runner.held)
    assert runner.position(KEY) == 10
    assert len(fold.ids()) == len(set(fold.ids())) == 10
    runner.close()


async def test_a_partition_that_is_held_does_not_hold_up_its_neighbour() -> None:
    """Both come through one queue; the first of them is at its bound, the second has not come to its own."""
    fold = RememberingFold("f", ("rf.graph.v1",), {})
    runner = FoldRunner(fold, lambda key: None, SystemClock())
    bounds: dict[Key, int | None] = {KEY: 2, NEIGHBOUR: 3}
    runner.bound = bounds.__getitem__
    for key in bounds:
        runner.start(key, View(), 1)
    for at in range(0, 10, 2):
        await runner.handle(Handouts.of(Handout(batch(0).until(at + 2).since(at), 1)))
        await runner.handle(Handouts.of(Handout(batch(1).until(at + 2).since(at), 1)))
    assert (runner.position(KEY), runner.position(NEIGHBOUR)) == (2, 3)
    bounds[NEIGHBOUR] = None
    await until(lambda: runner.position(NEIGHBOUR) == 10)
    assert runner.position(KEY) == 2
    bounds[KEY] = None
    await until(lambda: not runner.held)
    assert runner.position(KEY) == 10
    assert all([offset for offset, _ in rows] == list(range(10)) for rows in fold.seen.values())
    runner.close()


async def test_what_is_held_back_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.folding.held_back.MOST_ROWS", 5)
    runner = FoldRunner(RememberingFold("f", ("rf.graph.v1",), {}), lambda key: None, SystemClock())
    bounds: dict[str, int | None] = {"at": 0}
    runner.bound = lambda key: bounds["at"]
    runner.start(KEY, View(), 1)
    taken = asyncio.create_task(runner.handle(Handouts.of(Handout(batch(), 1))))
    await asyncio.sleep(0.1)
    assert not taken.done(), "the queue waits after all"
    bounds["at"] = None
    await asyncio.wait_for(taken, 5)
    await until(lambda: runner.position(KEY) == 10)
    runner.close()


@pytest.mark.servers
def test_a_hold_is_seen_bounds_what_it_names_and_runs_out(
    redis_client: redis.Redis, generations: Iterator[int]
) -> None:
    generation = next(generations)
    watch = HoldWatch(redis_client, generation)
    watch.look()
    assert watch.bound(KEY) is None
    place_hold(redis_client, generation, Hold(None, "run-1"), 30)
    watch.look()
    assert watch.bound(KEY) == 0, "not a step further"
    place_hold(redis_client, generation, Hold({KEY: 7}, "run-1"), 30)
    watch.look()
    assert (watch.bound(KEY), watch.bound(("rf.graph.v1", 1))) == (7, None)
    release(redis_client, generation, "another run")
    assert held(redis_client, generation) == Hold({KEY: 7}, "run-1")
    release(redis_client, generation, "run-1")
    watch.look()
    assert watch.bound(KEY) is None
    place_hold(redis_client, generation, Hold(None, "run-2"), 0.001)
    time.sleep(0.05)
    watch.look()
    assert watch.bound(KEY) is None, "whoever held died, and the folds go on"


def test_a_redis_that_is_away_holds_nobody() -> None:
    settings = Settings()
    client = redis.Redis.from_url("redis://127.0.0.1:1/0")
    watch = HoldWatch(client, settings.generation)
    watch._hold = Hold(None, "run-1")
    watch.look()
    assert watch.bound(KEY) is None
