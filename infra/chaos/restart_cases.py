"""How soon a worker that was killed is at work again: from its start to the first event in each sink.

Membership is static, so the group waits for nobody: what is measured is the process. With a standby
(streams/standby.py), as the stack runs it, from the kill on; without one from exec on, which is mostly the
loading of libraries.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median

import psutil

from infra.chaos.case import FIRST_EVENT_S, Case, Run
from infra.chaos.clickhouse_state import Analyst
from infra.chaos.faults import FIRST
from infra.chaos.redis_state import positions
from infra.chaos.waiting import until
from infra.clients import redis_client

ROUNDS = 5
PROMISED_S = 3.0
STEADY_S = 2.0
"""How long a worker works before it is killed."""
READY_S = 60.0
"""How long a standby may take to load on a machine that is busy."""
Look = Callable[[], object]


async def taken_over(run: Run) -> None:
    """kill -9 of the process that works, five times; the standby's first event, for both lanes."""
    await run.ground.stop(FIRST)
    name = await run.ground.start_pair()

    async def struck() -> None:
        await until(lambda: _waits(run.ground.pid(name)), "a standby waits", READY_S, 0.5)
        _family(run.ground.pid(name))[0].kill()
        run.kills += 1

    await _measured(run, struck, lambda: None, PROMISED_S)
    run.expect(run.ground.code(name) is None, "the process that keeps the standby ended")
    await run.ground.stop(name)
    await run.ground.start_worker()


async def begun_cold(run: Run) -> None:
    """kill -9 and start at once, five times, with nothing loaded: a figure, and no promise."""

    async def struck() -> None:
        await asyncio.sleep(STEADY_S)
        run.kill(FIRST)

    await _measured(run, struck, lambda: run.ground.spawn_worker("0"), FIRST_EVENT_S)
    await run.ground.ready(FIRST)


async def _measured(
    run: Run, struck: Callable[[], Awaitable[None]], again: Callable[[], object], promised_s: float
) -> None:
    analyst, took = Analyst(run.ground.settings), dict[str, list[float]](redis=[], clickhouse=[])
    with redis_client(run.ground.settings) as client:
        looks: dict[str, Look] = {"redis": lambda: positions(client), "clickhouse": analyst.positions}
        for _ in range(ROUNDS):
            await run.load.until(50)
            await struck()
            begun = time.monotonic()
            again()
            stood = {sink: await asyncio.to_thread(look) for sink, look in looks.items()}
            first = await asyncio.gather(*(_moves(looks[sink], stood[sink], begun) for sink in looks))
            for sink, seconds in zip(looks, first, strict=True):
                took[sink].append(seconds)
    await run.mended()
    for sink, times in took.items():
        run.figure(f"first_event_{sink}_s", median(times))
        run.figure(f"slowest_{sink}_s", max(times))
        said = f"the first event in {sink} came {median(times):.1f} s after a start (median of {ROUNDS})"
        run.expect(median(times) < promised_s, said)


def _family(pid: int) -> list[psutil.Process]:
    """The process that works, then the standby."""
    return sorted(psutil.Process(pid).children(), key=lambda one: float(one.create_time()))


def _waits(pid: int) -> bool:
    """Whether there is a standby that has loaded and uses no processor any more."""
    family = _family(pid)
    if len(family) < 2:
        return False
    before = family[1].cpu_times()
    time.sleep(0.5)
    return bool(family[1].cpu_times() == before and before.user > 0.5)


async def _moves(look: Look, stood: object, begun: float) -> float:
    await until(lambda: look() != stood, "a first event is applied", FIRST_EVENT_S, 0.02)
    return time.monotonic() - begun


CASES = (
    Case(
        "worker-restart",
        "kill -9 of a worker with a standby; the first event within 3 s",
        taken_over,
        60.0,
    ),
    Case("worker-cold-start", "kill -9 of the worker; how soon a new process folds", begun_cold, 60.0),
)
