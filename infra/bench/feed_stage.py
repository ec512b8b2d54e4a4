"""Stage `feed`: a page of 20 of the following feed over HTTP, warm, from one server process and real Redis.

Ours checks the token, asks which generation is live, merges what was pushed and pulled, looks up who may see
what, shows whole cards with counts and tells the log what it served. The tutorial answers 20 ids of one
ZREVRANGE to anybody; `tutorial_cards` shows cards as ours does. The floor answers the same bytes each time.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

import httpx

from infra.access.tokens import mint
from infra.bench.http_load import WARM_UP_S, Answered, loaded, serving
from infra.bench.measure import Contender, Sample, Stopwatch, cpu_of, interleaved, middle, ratio
from infra.bench.peers import FOLDER, python_of
from infra.bench.result import Result, Target, figures
from infra.bench.scene import OURS, Disagree, Tell
from infra.bench.stand import Stand, stand
from infra.bench.town import Town, records
from infra.cache import Cache
from infra.chaos.environment import free_ports
from infra.clients import redis_client
from infra.clock import SystemClock

TUTORIAL, CARDS, BYTES = "tutorial", "tutorial_cards", "bare ASGI"
USERS, AUTHORS, FOLLOWED, SHOWN = 64, 40, 20, 20
PER_AUTHOR = 30
AT_MS = 1_790_000_000_000
SHARES = (0.2, 0.4, 0.6, 0.8)
"""Of our capacity, at which latency is asked; the third is the target's."""
SECONDS = 4.0


def feed(events: int, runs: int, tell: Tell) -> Result:
    """``events``: reads a run, at some two thousand a second: at most four seconds of them."""
    with stand(tell) as at:
        return feed_on(at, events, runs, tell)


def feed_on(at: Stand, events: int, runs: int, tell: Tell) -> Result:
    """The same on a stack that is there."""
    seconds = min(SECONDS, events / 2_000)
    town = settled_town(at)
    users = sorted(town.follows)
    targets = [asked(at, user) for user in users]
    with ExitStack() as stack:
        tutorial = stack.enter_context(_tutorial(at))
        bare = stack.enter_context(_bare())
        _hold_for_peer(at, town, targets)
        plain = [{"method": "GET", "url": f"{tutorial[0]}/v1/feed/{user}"} for user in users]
        cards = [{"method": "GET", "url": f"{tutorial[0]}/v1/cards/{user}"} for user in users]
        agree(at, town, users)
        contenders: dict[str, Contender] = {
            OURS: _closed(at, targets, at.ground.pid("api"), seconds),
            TUTORIAL: _closed(at, plain, tutorial[1], seconds),
            CARDS: _closed(at, cards, tutorial[1], seconds),
            BYTES: _closed(at, [{"method": "GET", "url": f"{bare[0]}/"}], bare[1], seconds),
        }
        found = interleaved(contenders, runs, tell)
        capacity = middle(found[OURS]).rate
        opened = {share: _open(targets, share * capacity, seconds, runs, tell) for share in SHARES}
        agree(at, town, users)
    p99 = {share: median(one.p99_ms for one in some) for share, some in opened.items()}
    p50 = {share: median(one.p50_ms for one in some) for share, some in opened.items()}
    said = [
        Target("2.5 times FastAPI and redis.asyncio", 2.5, ratio(found, OURS, TUTORIAL)),
        Target("p99 at 60 % of capacity, ms", 10, p99[0.6], most=True),
    ]
    notes = [
        f"{len(users)} users, {SHOWN} of {FOLLOWED * PER_AUTHOR} videos a page; the tutorial answers ids, "
        f"ours and tutorial_cards cards; ours is {ratio(found, OURS, CARDS):.2f} times tutorial_cards",
        f"open loop at 60 % of {capacity:.0f}/s, from when a request was due: p50 {p50[0.6]:.2f} ms, "
        f"p99 {p99[0.6]:.2f} ms",
    ]
    series = {
        "p50": [(share * capacity, p50[share]) for share in SHARES],
        "p99": [(share * capacity, p99[share]) for share in SHARES],
    }
    axes = ("reads offered a second", "ms")
    return Result("feed", OURS, "reads/s", figures(found), said, BYTES, notes, series, axes)


def settled_town(at: Stand) -> Town:
    """Folded, with a view of every video."""
    town = Town(at.nth("town"))
    authors = [town.name("a", nth) for nth in range(AUTHORS)]
    users = [town.name("u", nth) for nth in range(USERS)]
    made = [*town.register(authors), *town.register(users)]
    for nth, user in enumerate(users):
        made += town.follow([user], [authors[(nth + step) % AUTHORS] for step in range(FOLLOWED)])
    for nth in range(AUTHORS * PER_AUTHOR):
        made += town.publish(authors[nth % AUTHORS], AT_MS + 1_000 * nth)
    at.workers(1)
    at.write(records(made, at.book))
    return town


def asked(at: Stand, user: str) -> dict[str, str]:
    """The read of a user's feed, as the load generator sends it."""
    token = mint(at.ground.settings, SystemClock().now_ms(), user_id=user, life_s=7_200)
    url = f"{at.url}/v1/feed/following?limit={SHOWN}"
    return {"method": "GET", "url": url, "authorization": f"Bearer {token}"}


def read(target: dict[str, str]) -> list[dict[str, Any]]:
    """The cards that it answers."""
    headers = {"Authorization": target["authorization"]}
    answer = httpx.get(target["url"], headers=headers, timeout=20, trust_env=False).raise_for_status()
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def agree(at: Stand, town: Town, users: list[str]) -> None:
    """Raise Disagree unless these feeds are what the town makes of them."""
    for user in users:
        shown = [card["video_id"] for card in read(asked(at, user))]
        if shown != town.feed(user, SHOWN):
            raise Disagree(f"the feed of {user} shows {shown}, and it is {town.feed(user, SHOWN)}")


def _closed(at: Stand, targets: list[dict[str, str]], pid: int, seconds: float) -> Contender:
    def once() -> Sample:
        watch = Stopwatch({"server": pid, "redis": at.ground.pid("redis")})
        loaded(targets, min(WARM_UP_S, seconds))
        watch.start()
        said = loaded(targets, seconds)
        cpu = {name: cpu_of(one) - (watch.spent or {})[name] for name, one in watch.pids.items()}
        return Sample(said.requests, said.seconds, cpu)

    return once


def _open(
    targets: list[dict[str, str]], rate: float, seconds: float, runs: int, tell: Tell
) -> list[Answered]:
    found = [loaded(targets, seconds, rate) for _ in range(runs)]
    tell(f"{rate:,.0f} reads/s offered: p99 {median(one.p99_ms for one in found):.1f} ms")
    return found


def _hold_for_peer(at: Stand, town: Town, targets: list[dict[str, str]]) -> None:
    """The tutorial's keys: the same feeds, and a card of ours for each of their videos."""
    template = read(targets[0])[0]
    with redis_client(at.ground.settings) as client, client.pipeline(transaction=False) as pipe:
        for user in town.follows:
            for place, video in enumerate(town.feed(user, 400)):
                pipe.zadd(f"bench-feed:{user}", {video: 1_000 - place})
        for author, videos in town.videos.items():
            for at_ms, video in videos:
                said = template | {"video_id": video, "published_at": at_ms}
                said["creator"] = template["creator"] | {"user_id": author}
                pipe.set(f"bench-card:{video}", json.dumps(said))
                pipe.hset(f"bench-count:{video}", mapping=template["counts"])
        pipe.execute()


@contextmanager
def _tutorial(at: Stand) -> Iterator[tuple[str, int]]:
    (port,) = free_ports(1)
    python = python_of("tutorial_feed", Cache.from_env(os.environ))
    words = ["-m", "uvicorn", "tutorial_feed:app", "--port", str(port), "--log-level", "error"]
    environment = {"REDIS_URL": at.ground.settings.redis_url.get_secret_value()}
    with serving([python, *words], f"http://127.0.0.1:{port}/", environment) as pid:
        yield f"http://127.0.0.1:{port}", pid


@contextmanager
def _bare() -> Iterator[tuple[str, int]]:
    (port,) = free_ports(1)
    command = [sys.executable, str(FOLDER / "bare_asgi.py"), str(port)]
    with serving(command, f"http://127.0.0.1:{port}/", {}) as pid:
        yield f"http://127.0.0.1:{port}", pid
