"""A fold that is held goes on to exactly the bound, in the middle of a batch, and then stands."""

import asyncio
import time
from collections.abc import Iterator

import pytest
import redis

from infra.clock import SystemClock
from infra.settings import Settings
from schemas.batch import RecordBatch
from streams.hold import Hold, HoldWatch, held, place_hold, release
from streams.progress import Handout, Key
from streams.sink import FoldRunner
from tests.builders import followed, record_batch
from tests.streams.kafka import RememberingFold, until

pytest_plugins = ["tests.redis_server"]
KEY: Key = ("rf.graph.v1", 0)


class View:
    """A partition of ten records."""

    low, high = 0, 10

    def offset_at(self, appended_at: int) -> int:
        return 0


def batch() -> RecordBatch:
    return record_batch("rf.graph.v1", 0, [followed(f"ann-{n}", "bob", n) for n in range(10)])


async def test_a_batch_is_cut_at_the_bound_and_the_rest_waits() -> None:
    fold = RememberingFold("f", ("rf.graph.v1",), {})
    runner = FoldRunner(fold, lambda key: None, SystemClock())
    bounds: dict[str, int | None] = {"at": 0}
    runner.bound = lambda key: bounds["at"]
    runner.start(KEY, View(), 1)
    folding = asyncio.create_task(runner.handle(Handout(batch(), 1)))
    await until(lambda: runner.held)
    assert runner.position(KEY) == 0
    bounds["at"] = 7
    await until(lambda: runner.position(KEY) == 7)
    await asyncio.sleep(0.1)
    assert (runner.position(KEY), runner.held, folding.done()) == (7, True, False)
    bounds["at"] = None
    await asyncio.wait_for(folding, 5)
    assert (runner.position(KEY), runner.held) == (10, False)
    assert len(fold.ids()) == len(set(fold.ids())) == 10
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
