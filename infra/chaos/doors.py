"""A stack with two API processes, and what its doors do while a case is under way."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import psutil

from infra.chaos.case import Act, Run
from infra.chaos.environment import free_ports
from infra.chaos.faults import FIRST
from infra.chaos.ground import Ground
from streams.exits import FENCED

DEADLINE_S = 3.0
"""Past it the API answers a post 503; shorter than by default, so that cases need not wait."""
GRACE_S = 1.0
APIS = ("api", "api-2")


class TwoDoors(Ground):
    """Two API processes, each on a port of its own."""

    def __init__(self) -> None:
        (port,) = free_ports(1)
        more = {"REELFOLD_API_MORE_PORTS": str(port), "REELFOLD_PRODUCE_DEADLINE_S": str(DEADLINE_S)}
        super().__init__(more)

    @property
    def apis(self) -> list[str]:
        return [f"http://{self.settings.api_host}:{port}" for port in self.settings.api_ports]


def memory_mb(run: Run) -> float:
    """What the API processes hold of memory, the greatest of them."""
    return max(_resident(run.ground.pid(name)) for name in APIS) / 1e6


def watch_posts(run: Run) -> None:
    """Forget how posts were answered so far: a fault begins."""
    run.load.answers.clear()
    run.load.slowest_s = 0.0


def posts_refused_in_time(run: Run) -> None:
    """While the log was away posts were answered 503, none later than its deadline."""
    load = run.load
    run.figure("posts_503", load.answers["503"])
    run.figure("slowest_post_s", load.slowest_s)
    run.expect(load.answers["503"] > 0, f"no post was answered 503: {dict(load.answers)}")
    run.expect(
        load.slowest_s < DEADLINE_S + GRACE_S,
        f"a post took {load.slowest_s:.1f} s, past the deadline of {DEADLINE_S:.0f} s",
    )


async def reads_go_on(run: Run) -> None:
    """Feeds and videos are answered, whatever the log does."""
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
        for path in ("/v1/feed/trending", f"/v1/videos/{run.load.town.videos[0].video_id}"):
            begun = time.monotonic()
            answer = await http.get(run.ground.apis[0] + path)
            run.figure("slowest_read_s", time.monotonic() - begun)
            run.expect(answer.status_code == httpx.codes.OK, f"{path} answered {answer.status_code}")


@asynccontextmanager
async def worker_kept(run: Run) -> AsyncIterator[None]:
    """Start a worker again that left because it was fenced, as the supervisor does; counted.

    When a group's coordinator dies with a static member's join under way, the member asks again under its
    old id, and the next coordinator takes it for another one in the same slot (seen with librdkafka 2 on
    Kafka 4.1). It leaves with FENCED, positions are in the sinks, and its next life joins within seconds.
    """
    run.figure("worker_restarts", 0.0)
    task = asyncio.create_task(_keep_worker(run))
    run.kept = True
    try:
        yield
    finally:
        run.kept = False
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def with_worker(act: Act) -> Act:
    """A case during which a worker that is fenced is started again."""

    async def kept(run: Run) -> None:
        async with worker_kept(run):
            await act(run)

    return kept


async def _keep_worker(run: Run) -> None:
    while True:
        await asyncio.sleep(0.5)
        if not run.ground.runs(FIRST):
            code = run.ground.code(FIRST)
            run.expect(code == FENCED, f"the worker ended with code {code}")
            run.figure("worker_restarts", run.figures["worker_restarts"] + 1)
            await run.ground.start_worker()


def _resident(pid: int) -> int:
    """Bytes of a process and its children: the server forks the one that works."""
    one = psutil.Process(pid)
    return max(int(each.memory_info().rss) for each in (one, *one.children(recursive=True)))
