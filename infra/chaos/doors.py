"""A stack with two API processes, and what its doors do while a case is under way."""

import time

import httpx
import psutil

from infra.chaos.case import Run
from infra.chaos.environment import free_ports
from infra.chaos.ground import Ground

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


def _resident(pid: int) -> int:
    """Bytes of a process and its children: the server forks the one that works."""
    one = psutil.Process(pid)
    return max(int(each.memory_info().rss) for each in (one, *one.children(recursive=True)))
