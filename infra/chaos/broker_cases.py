"""The one broker is killed, stopped and frozen under load; posts are refused in time, and nothing is lost."""

import asyncio
import time

from infra.chaos import log
from infra.chaos.case import Case, Run
from infra.chaos.doors import (
    TwoDoors,
    memory_mb,
    posts_refused_in_time,
    reads_go_on,
    watch_posts,
    with_worker,
)
from infra.chaos.lag import at_ends

AWAY_S = 30.0
"""The fault matrix says 60 s; sessions, deadlines and backoff are all over after half of that."""
FROZEN_S = 30.0
FOLDED_S = 30.0
GROWTH_MB = 150.0
"""What a queue full of events may cost the API: its bound is 128 MB."""


async def killed(run: Run) -> None:
    """kill -9 in the middle of posts, three times."""
    for _ in range(3):
        await run.load.until(200)
        await asyncio.sleep(run.random.uniform(0.0, 1.0))
        begun = time.monotonic()
        run.kill("kafka")
        await run.ground.start("kafka")
        run.figure("broker_ready_s", time.monotonic() - begun)
        await run.load.until(1)
        run.figure("first_202_s", time.monotonic() - begun)
        await run.mended(begun)


async def stopped(run: Run) -> None:
    """SIGTERM; half a minute without a broker; then it comes back."""
    await _readable(run)
    held = memory_mb(run)
    await run.ground.stop("kafka")
    watch_posts(run)
    await _without(run, AWAY_S)
    posts_refused_in_time(run)
    await run.ground.start("kafka")
    await _alone_again(run, time.monotonic(), held)


async def frozen(run: Run) -> None:
    """SIGSTOP: connections stay open and nothing answers, which is what a dying disk or a long pause does."""
    await _readable(run)
    held = memory_mb(run)
    run.ground.freeze("kafka")
    watch_posts(run)
    await _without(run, FROZEN_S)
    posts_refused_in_time(run)
    run.ground.thaw("kafka")
    await _alone_again(run, time.monotonic(), held)


async def _readable(run: Run) -> None:
    """What is read while the broker is away has been folded before."""
    await run.load.until(200)
    ends = await asyncio.to_thread(log.ends, run.ground.settings)
    await at_ends(run.ground.settings, ends, "the first posts are folded", FOLDED_S)


async def _without(run: Run, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        await reads_go_on(run)
        run.figure("api_memory_mb", memory_mb(run))
        await asyncio.sleep(2.0)


async def _alone_again(run: Run, back: float, held_mb: float) -> None:
    await run.load.until(1)
    run.figure("first_202_s", time.monotonic() - back)
    await run.mended(back)
    grown = memory_mb(run) - held_mb
    run.figure("api_growth_mb", grown)
    run.expect(grown < GROWTH_MB, f"the API grew by {grown:.0f} MB without a broker")


CASES = (
    Case("kill9-broker", "the broker dies under load, three times", with_worker(killed), 60, TwoDoors),
    Case("broker-stopped", "the broker is away for half a minute", with_worker(stopped), 70, TwoDoors),
    Case("freeze-broker", "the broker answers nothing for half a minute", with_worker(frozen), 70, TwoDoors),
)
