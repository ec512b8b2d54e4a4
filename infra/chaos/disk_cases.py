"""The broker's disk is gone: an empty log in the place of the one that the stores were filled from."""

import asyncio
import time

from infra.chaos.case import Case, Run
from infra.chaos.doors import TwoDoors
from infra.chaos.faults import FIRST
from infra.chaos.redis_state import positions
from infra.clients import redis_client
from streams.exits import LOG_MISMATCH

ALARM_S = 60.0


async def gone(run: Run) -> None:
    """The worker leaves with its sentence instead of going on at offset 0, once and again; the stores keep
    what they had. Then the right disk is found again, and all goes on."""
    ground = run.ground
    await run.load.post_all(run.load.town.doings(1, 150, run.clock.now_ms()))
    await run.mended()
    before = await asyncio.to_thread(_positions, run)
    kept = ground.data / "kafka" / "log"
    run.kill("kafka")
    begun = time.monotonic()
    kept.rename(kept.with_name("found"))
    await _begin(run, "kafka-format", "kafka", "provision")
    for nth in range(2):
        if nth:
            ground.spawn_worker()
        code = await ground.ended(FIRST, ALARM_S)
        if not nth:
            run.figure("alarm_s", time.monotonic() - begun)
        run.expect(code == LOG_MISMATCH, f"the worker ended with code {code}, not {LOG_MISMATCH}")
    last = ground.said(FIRST).rstrip().rpartition("\n")[2]
    run.expect(last.startswith("reelfold worker: "), f"the worker's last line does not say why: {last[:200]}")
    run.expect(await asyncio.to_thread(_positions, run) == before, "the stores changed for a log not theirs")
    run.kill("kafka")
    kept.rename(kept.with_name("foreign"))
    kept.with_name("found").rename(kept)
    await ground.start("kafka")
    await ground.start_worker()
    await run.load.post_all(run.load.town.doings(2, 50, run.clock.now_ms()))
    await run.mended()


async def _begin(run: Run, *names: str) -> None:
    """Start these again, though they ran before."""
    for name in names:
        run.ground.spawn(name)
        await run.ground.ready(name)


def _positions(run: Run) -> dict[str, dict[tuple[str, int], int]]:
    with redis_client(run.ground.settings) as client:
        return positions(client, run.ground.settings.generation)


CASES = (
    Case("broker-disk-gone", "an empty log instead of the one that was folded: an alarm, no reset", gone, 70,
         TwoDoors, rate=0.0),
)  # fmt: skip
