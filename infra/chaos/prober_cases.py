"""Reads under kills: every part dies in turn, by kill -9, while a prober reads all the while."""

import asyncio
import time

from infra.chaos.case import Case, Run
from infra.chaos.doors import TwoDoors
from infra.chaos.exhibit import Exhibit
from infra.chaos.prober import Prober, Tally
from infra.chaos.waiting import CaseFailed

PARTS = ("redis", "kafka", "api", "clickhouse", "worker-0", "registry", "api-2")
PROMISED = 0.9999
READS = 20_000
"""Fewer could not tell 99.99 % from 99.98 %."""
RATE = 120.0
NOTICED_S = 0.6
"""A dead part is started again after this: the supervisor looks ten times a second and waits half of one."""
QUIET_S = 4.0
SETTLE_S = 60.0


async def probed(run: Run) -> None:
    """Each part in turn; then reads go on until there are enough of them; the media store dies last and
    is counted apart: there is one of it here, and it is what answers playlists and segments."""
    prober = await _prober(run)
    prober.begin()
    try:
        await asyncio.sleep(QUIET_S)
        total = prober.tally()
        for name in PARTS:
            await _killed(run, name)
            part = prober.tally()
            _figures(run, name, part)
            total = _added(total, part)
        while total.asked < READS:
            await asyncio.sleep(1.0)
            total = _added(total, prober.tally())
        run.figure("reads", total.asked)
        run.figure("good_share", total.share)
        run.figure("slowest_read_s", total.slowest_s)
        run.figure("failovers", prober.balancer.failovers)
        run.expect(
            total.share >= PROMISED, f"{total.asked - total.good} of {total.asked} bad: {total.worst()}"
        )
        await _killed(run, "s3")
        _figures(run, "s3", prober.tally())
    finally:
        await prober.end()


async def _prober(run: Run) -> Prober:
    """A prober whose questions all have good answers now."""
    settings = run.ground.settings
    exhibit = Exhibit(settings, f"exhibit-{run.seed}-{run.load.town.name}")
    await asyncio.to_thread(exhibit.store)
    await run.trusted.publish_all(exhibit.facts(run.clock.now_ms()))
    prober = Prober(settings, run.ground.apis, exhibit.questions(), run.clock, RATE)
    deadline = time.monotonic() + SETTLE_S
    while (found := await prober.everything()).bad:
        if time.monotonic() > deadline:
            raise CaseFailed(f"what the prober asks has no good answers before any fault: {found.worst()}")
        await asyncio.sleep(0.2)
    return prober


async def _killed(run: Run, name: str) -> None:
    """kill -9, a start as the supervisor would, and time enough to see what it did."""
    begun = time.monotonic()
    run.kill(name)
    await asyncio.sleep(NOTICED_S)
    await run.ground.start(name)
    run.figure(f"{name}_ready_s", time.monotonic() - begun)
    run.figure(f"{name}_recovery_s", time.monotonic() - begun + await run.mended())
    await asyncio.sleep(QUIET_S)


def _figures(run: Run, name: str, part: Tally) -> None:
    run.figure(f"{name}_reads", part.asked)
    run.figure(f"{name}_bad_reads", part.asked - part.good)
    run.figure(f"{name}_slowest_read_s", part.slowest_s)


def _added(one: Tally, other: Tally) -> Tally:
    return Tally(
        one.asked + other.asked,
        one.good + other.good,
        one.late + other.late,
        max(one.slowest_s, other.slowest_s),
        one.bad + other.bad,
    )


CASES = (
    Case(
        "prober-every-part-killed",
        "reads go on while Redis, Kafka, one of two APIs, ClickHouse, worker and registry die in turn",
        probed,
        seconds=220,
        ground=TwoDoors,
        rate=40.0,
    ),
)
