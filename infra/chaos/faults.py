"""What cases do to a run's stack, in words that several of them share."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis

from infra.chaos.case import FIRST_EVENT_S, Run
from infra.chaos.redis_state import positions
from infra.chaos.waiting import CaseFailed, until
from infra.clients import redis_client

FIRST = "worker-0"


async def armed(run: Run, **environment: str) -> str:
    """The worker of slot 0 is stopped and started again with this environment; its name."""
    if run.ground.runs(FIRST):
        await run.ground.stop(FIRST)
    return await run.ground.start_worker("0", **environment)


async def behind_proxies(run: Run, *names: str) -> None:
    """The worker reaches these servers by their proxies from now on."""
    await armed(run, **await run.ground.proxies.through(*names))


async def again(run: Run) -> None:
    """A worker has died: start it again, clean, and see how long the first event and zero lag take."""
    with redis_client(run.ground.settings) as client:
        stood, begun = positions(client), time.monotonic()
        run.ground.spawn_worker("0")
        await until(lambda: positions(client) != stood, "a first event is applied", FIRST_EVENT_S, 0.02)
    run.figure("first_event_s", time.monotonic() - begun)
    await run.ground.ready(FIRST)
    await run.mended(begun)


@asynccontextmanager
async def administered(run: Run) -> AsyncIterator[redis.Redis]:
    """Redis, for commands that no fold sends."""
    client = redis_client(run.ground.settings)
    try:
        yield client
    finally:
        await asyncio.to_thread(client.close)


def down(run: Run) -> bool:
    """Whether the worker says that it waits for a store, the registry or the log."""
    said = run.ground.said(FIRST)
    return said.rfind('"sink_unavailable"') > said.rfind('"sink_recovered"')


async def notices(run: Run, within_s: float = 30.0) -> None:
    """Wait until the worker says that a sink is away; CaseFailed when it ends instead."""
    await until(lambda: down(run) or not run.ground.runs(FIRST), "the worker notices", within_s)
    still_there(run)


def still_there(run: Run) -> None:
    """An outage of a sink must end no worker."""
    if not run.ground.runs(FIRST):
        raise CaseFailed(
            f"the worker ended with code {run.ground.code(FIRST)}: {run.ground.said(FIRST)[-500:]}"
        )
