"""Workers join, leave and die at random under load, for as long as one likes.

Three slots live and die; a fourth worker and the API are never touched, and their memory is watched: what
grows without end shows as a slope.
"""

import asyncio
import time

import psutil

from infra.chaos.case import Case, Run
from infra.chaos.waiting import CaseFailed

STEADY = "worker-0"
SLOTS = ("1", "2", "3")
KILL_EVERY_S = 7.5
"""On average at most so long between two kills: 8 a minute."""
WARM_S = 60.0
"""Memory of the first minute says nothing: caches fill."""
SAMPLE_S = 1.0
MEGABYTE = 1e6


def random_case(minutes: float) -> Case:
    """The random mode as a case."""

    async def act(run: Run) -> None:
        await _disorder(run, minutes * 60)

    about = f"workers join, leave and die for {minutes:g} minutes, at least 6 kills a minute"
    return Case("random", about, act, minutes * 60 + 60, rate=150.0)


async def _disorder(run: Run, seconds: float) -> None:
    begun = time.monotonic()
    watching = asyncio.create_task(_watch(run, seconds))
    try:
        while (left := begun + seconds - time.monotonic()) > 0:
            due = run.kills * KILL_EVERY_S < time.monotonic() - begun
            await _blow(run, due)
            await asyncio.sleep(min(left, run.random.uniform(0.2, 1.5)))
        slopes = await watching
    finally:
        watching.cancel()
    run.figure("kills_per_minute", 60 * run.kills / (time.monotonic() - begun))
    run.expect(run.kills >= 6 * seconds / 60, f"only {run.kills} kills in {seconds:.0f} s")
    for name, slope in slopes.items():
        run.figures[f"{name}_memory_mb_per_minute"] = slope
    await run.mended()
    if not run.ground.runs(STEADY):
        raise CaseFailed(f"the worker that nobody touched ended: {run.ground.said(STEADY)[-800:]}")


async def _blow(run: Run, due: bool) -> None:
    """Something happens to one of the slots: who is away joins; who is there dies or leaves."""
    ground, slot = run.ground, run.random.choice(SLOTS)
    name = f"worker-{slot}"
    if not ground.runs(name):
        if code := ground.code(name):
            run.expect(False, f"{name} ended by itself with code {code}: {ground.said(name)[-300:]}")
        ground.spawn_worker(slot)
    elif due:
        run.kill(name)
    elif run.random.random() < 0.2:
        await ground.stop(name)
    await asyncio.sleep(0)


async def _watch(run: Run, seconds: float) -> dict[str, float]:
    """Memory of the two that live on, in MB a minute over all but the warm-up."""
    begun, samples = time.monotonic(), dict[str, list[tuple[float, float]]](worker=[], api=[])
    warm = min(WARM_S, seconds / 3)
    while (now := time.monotonic() - begun) < seconds:
        for name, part in (("worker", STEADY), ("api", "api")):
            if now > warm:
                samples[name].append((now / 60, _memory_mb(run.ground.pid(part))))
        await asyncio.sleep(SAMPLE_S)
    return {name: slope(points) for name, points in samples.items()}


def _memory_mb(pid: int) -> float:
    """Resident memory of a process and all that it has started."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return float(sum(one.memory_info().rss for one in family)) / MEGABYTE
    except psutil.NoSuchProcess as error:
        raise CaseFailed(f"a process that nobody touched is gone: {error}") from error


def slope(points: list[tuple[float, float]]) -> float:
    """The steepness of the line through these points, by least squares; 0 for fewer than two."""
    if len(points) < 2:
        return 0.0
    middle = sum(x for x, _ in points) / len(points)
    height = sum(y for _, y in points) / len(points)
    spread = sum((x - middle) ** 2 for x, _ in points)
    return sum((x - middle) * (y - height) for x, y in points) / spread
