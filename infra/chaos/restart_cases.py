"""How soon a worker that was killed is at work again: from its start to the first event in each sink.

Membership is static, so the group waits for nobody: what is measured is the process, from exec on.
"""

import asyncio
import time
from collections.abc import Callable
from statistics import median

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


async def restarted(run: Run) -> None:
    """kill -9 and start at once, five times; the median of the first event is the promise, for both lanes."""
    analyst, took = Analyst(run.ground.settings), dict[str, list[float]](redis=[], clickhouse=[])
    with redis_client(run.ground.settings) as client:
        looks: dict[str, Callable[[], object]] = {
            "redis": lambda: positions(client),
            "clickhouse": analyst.positions,
        }
        for _ in range(ROUNDS):
            await run.load.until(50)
            await asyncio.sleep(STEADY_S)
            run.kill(FIRST)
            stood = {sink: await asyncio.to_thread(look) for sink, look in looks.items()}
            begun = time.monotonic()
            run.ground.spawn_worker("0")
            first = await asyncio.gather(*(_moves(looks[sink], stood[sink], begun) for sink in looks))
            for sink, seconds in zip(looks, first, strict=True):
                took[sink].append(seconds)
            await run.ground.ready(FIRST)
    await run.mended()
    for sink, times in took.items():
        run.figure(f"first_event_{sink}_s", median(times))
        run.figure(f"slowest_{sink}_s", max(times))
        said = f"the first event in {sink} came {median(times):.1f} s after a start (median of {ROUNDS})"
        run.expect(median(times) < PROMISED_S, said)


async def _moves(look: Callable[[], object], stood: object, begun: float) -> float:
    await until(lambda: look() != stood, "a first event is applied", FIRST_EVENT_S, 0.02)
    return time.monotonic() - begun


CASES = (
    Case("worker-restart", "kill -9 of the worker; the first event within 3 s of its start", restarted, 60.0),
)
