"""The worker is killed between the steps of a sink, told to stop, frozen, and one of many."""

import asyncio
import os
import signal
import time

from infra.chaos.case import Act, Case, Run
from infra.chaos.faults import FIRST, again, armed, behind_proxies
from infra.chaos.waiting import until
from infra.failpoints import VARIABLE

SESSION_S = 8.0
"""After so long without a heartbeat a worker's partitions are given to others (streams/worker.py)."""
FENCED = 76


def killed_at(step: str, most: int, rounds: int = 2) -> Act:
    """The worker dies at a step, at a seeded count up to ``most``, and is started again."""

    async def act(run: Run) -> None:
        for _ in range(rounds):
            await armed(run, **{VARIABLE: f"{step}:{run.random.randint(1, most)}"})
            await run.dies(FIRST)
            await again(run)

    return act


async def killed_at_random(run: Run) -> None:
    """kill -9 at moments that nobody chose."""
    for _ in range(4):
        await asyncio.sleep(run.random.uniform(0.3, 2.0))
        run.kill(FIRST)
        await again(run)


async def told_to_stop(run: Run) -> None:
    """SIGTERM in the middle: it ends by itself, in time, with code 0."""
    for _ in range(2):
        await run.load.until(100)
        begun = time.monotonic()
        code = await run.ground.stop(FIRST, 15.0)
        run.figure("stop_s", time.monotonic() - begun)
        run.expect(code == 0, f"a worker that was told to stop ended with code {code}")
        await again(run)


async def told_to_stop_then_killed(run: Run) -> None:
    """SIGTERM while ClickHouse hangs, and SIGKILL before it has given up waiting."""
    await behind_proxies(run, "clickhouse")
    proxy = await run.ground.proxies.before("clickhouse")
    await run.load.until(100)
    proxy.frozen = True
    await run.load.until(200)
    os.kill(run.ground.pid(FIRST), signal.SIGTERM)
    await asyncio.sleep(1.0)
    if run.ground.runs(FIRST):
        run.kill(FIRST)
    proxy.behave()
    await again(run)


async def zombie(run: Run) -> None:
    """A worker hangs between asking for its position and writing; another one takes over and folds on; the
    first one comes back and writes what it held. It must change nothing, and find its place again."""
    await armed(run, **{VARIABLE: f"before_sink@engagement:{run.random.randint(2, 10)}=stop"})
    await until(lambda: _stopped(run, FIRST), "the worker hangs at its failpoint", 60)
    await _taken_over(run)


async def frozen(run: Run) -> None:
    """SIGSTOP for longer than a session, at a moment that nobody chose, then SIGCONT."""
    await run.load.until(200)
    run.ground.freeze(FIRST)
    await _taken_over(run)


async def _taken_over(run: Run) -> None:
    begun = time.monotonic()
    await run.ground.start_worker("1")
    await run.mended(begun)
    run.figure("taken_over_s", time.monotonic() - begun)
    await asyncio.sleep(max(0.0, SESSION_S + 2 - (time.monotonic() - begun)))
    await run.load.until(100)
    run.ground.thaw(FIRST)
    await run.load.until(300)
    await run.mended()
    code = run.ground.code(FIRST)
    run.expect(code in (None, FENCED), f"the worker that came back ended with code {code}")


async def two_in_one_slot(run: Run) -> None:
    """A second worker takes the place of the first one: the brokers fence the first, and it leaves."""
    await run.load.until(100)
    environment = {"REELFOLD_WORKER_SLOT": "0"}
    await run.ground.start_worker("twin", **environment)
    code = await run.ground.ended(FIRST, 30.0)
    run.expect(code == FENCED, f"the first worker ended with code {code}, not as one that was fenced")
    await run.mended()
    await run.ground.stop("worker-twin")
    await again(run)


async def storm(run: Run) -> None:
    """Workers join and leave, politely and not, a rebalance every few seconds."""
    begun = time.monotonic()
    for nth in range(5):
        slot = str(1 + nth % 2)
        name = await run.ground.start_worker(slot)
        await run.load.until(150)
        if nth % 2:
            run.kill(name)
        else:
            await run.ground.stop(name)
    run.figure("rebalances_per_minute", 60 * 10 / (time.monotonic() - begun))
    await run.mended()


def _stopped(run: Run, name: str) -> bool:
    from psutil import STATUS_STOPPED, Process

    return bool(Process(run.ground.pid(name)).status() == STATUS_STOPPED)


CASES = (
    Case("kill9-before-sink", "a batch is read and not yet written", killed_at("before_sink", 40)),
    Case("kill9-after-sink", "a store said yes, nobody noted it", killed_at("after_sink", 40)),
    Case(
        "kill9-between-sinks", "one fold has a batch, the other sink has not", killed_at("between_sinks", 40)
    ),
    Case(
        "kill9-between-rows-and-offsets",
        "ClickHouse has rows, not their offsets",
        killed_at("after_rows", 10),
    ),
    Case("kill9-before-ack", "positions are about to be told to Kafka", killed_at("before_ack", 3)),
    Case("kill9-after-ack", "positions were told to Kafka", killed_at("after_ack", 3)),
    Case("kill9-worker", "kill -9 at any moment, four times", killed_at_random, 30),
    Case("sigterm-in-batch", "told to stop in the middle: ends with 0, in time", told_to_stop, 25),
    Case("sigterm-then-kill9", "told to stop while a store hangs, then killed", told_to_stop_then_killed, 25),
    Case("zombie-write", "a worker wakes up and writes after another took over", zombie, 40),
    Case("sigstop-worker", "frozen for longer than its session, then continued", frozen, 40),
    Case("two-in-one-slot", "a second worker in a slot fences the first", two_in_one_slot, 25),
    Case("rebalance-storm", "workers join, leave and die every few seconds", storm, 60),
)
