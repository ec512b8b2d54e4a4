"""Leaders die, copies fall behind, a majority is gone: what was confirmed stays, the rest is refused."""

import asyncio
import time
from functools import partial

from infra.chaos.case import Case, Run
from infra.chaos.cluster import NODES, ThreeBrokers, broker, in_sync, leaders
from infra.chaos.doors import posts_refused_in_time, reads_go_on, watch_posts, worker_kept
from infra.chaos.waiting import until

ROUNDS = 3
COPIES_S = 90.0
SHRINK_S = 30.0
ALONE_S = 10.0


async def leaders_killed(run: Run) -> None:
    """kill -9 of whoever leads most partitions, under load; posts go on through the others meanwhile."""
    async with worker_kept(run):
        await _kill_leaders(run)


async def _kill_leaders(run: Run) -> None:
    settings = run.ground.settings
    for _ in range(ROUNDS):
        await run.load.until(200)
        held = await asyncio.to_thread(leaders, settings)
        node = max(NODES, key=lambda one: held[one])
        begun = time.monotonic()
        run.kill(broker(node))
        await until(partial(_led, run, node), "every partition has another leader", SHRINK_S)
        run.figure("new_leaders_s", time.monotonic() - begun)
        await run.load.until(100)
        run.figure("posts_again_s", time.monotonic() - begun)
        run.recovery_s = max(run.recovery_s, time.monotonic() - begun)
        await run.ground.start(broker(node))
        run.figure("all_copies_s", await _whole(run))
    await run.mended()


async def copies_shrink(run: Run) -> None:
    """One broker freezes: two copies are enough. Another dies: one is not, and posts are refused. Both come
    back: all is confirmed again."""
    async with worker_kept(run):
        await _shrink(run)


async def _shrink(run: Run) -> None:
    settings = run.ground.settings
    await run.load.until(200)
    run.ground.freeze(broker(3))
    begun = time.monotonic()
    await until(lambda: in_sync(settings) < len(NODES), "a frozen broker's copies are out of sync", SHRINK_S)
    run.figure("shrunk_s", time.monotonic() - begun)
    await run.load.until(300)
    run.figure("posts_with_two_s", time.monotonic() - begun)
    run.kill(broker(2))
    await asyncio.sleep(1.0)
    watch_posts(run)
    told, until_s = len(run.load.acknowledged), time.monotonic() + ALONE_S
    while time.monotonic() < until_s:
        await reads_go_on(run)
        await asyncio.sleep(1.0)
    posts_refused_in_time(run)
    run.expect(len(run.load.acknowledged) == told, "a post was confirmed by one broker of three")
    run.ground.thaw(broker(3))
    begun = time.monotonic()
    await run.ground.start(broker(2))
    await run.load.until(100)
    run.figure("posts_again_s", time.monotonic() - begun)
    await run.mended(begun)
    run.figure("all_copies_s", await _whole(run))


def _led(run: Run, dead: int) -> bool:
    """Whether the others lead all that the dead one led."""
    held = leaders(run.ground.settings)
    return not held[dead] and not held[-1]


async def _whole(run: Run) -> float:
    """Wait until every partition has all of its copies."""
    settings = run.ground.settings
    return await until(lambda: in_sync(settings) == len(NODES), "every copy is in sync again", COPIES_S)


CASES = (
    Case(
        "cluster-leaders-killed",
        "the leader of most partitions dies, three times",
        leaders_killed,
        120,
        ThreeBrokers,
        120.0,
    ),
    Case(
        "cluster-copies-shrink",
        "of three brokers one freezes, then another dies",
        copies_shrink,
        80,
        ThreeBrokers,
        120.0,
    ),
)
