"""The API is killed with posts under way, one process and both; and its queue before the log is full."""

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

import httpx

from infra.access.tokens import mint
from infra.chaos.case import Case, Run
from infra.chaos.doors import APIS, TwoDoors, with_worker
from infra.chaos.waiting import until
from infra.clock import new_event_id
from infra.demo.simulation import Simulated

QUEUE = 1_000
PROMPT_S = 0.1
REFUSALS = 20
MANY = 400
"""Events in a post that a queue which holds four people's posts has no room for."""
VIEWS = 900
"""Come to two queues of events, some 200 for each person: a post of theirs is a fifth of a queue."""
BACK_MS = 60_000
FOLLOWED = "user.followed"


async def all_killed(run: Run) -> None:
    """Both processes at once, four times: what was told 202 is in the log, what was not is sent again."""
    for _ in range(4):
        await run.load.until(150)
        await asyncio.sleep(run.random.uniform(0.0, 0.5))
        begun = time.monotonic()
        for name in APIS:
            run.kill(name)
        await run.ground.start(*APIS)
        await run.load.until(1)
        run.figure("first_202_s", time.monotonic() - begun)
    await run.mended()


async def one_killed(run: Run) -> None:
    """One of two: who posts goes to the other."""
    for nth in range(4):
        await run.load.until(150)
        begun = time.monotonic()
        run.kill(APIS[nth % 2])
        await run.load.until(1)
        run.figure("first_202_s", time.monotonic() - begun)
        await run.ground.start(*APIS)
    await run.mended()


async def queue_full(run: Run) -> None:
    """The broker is frozen and the queue before it small: it fills, and posts are refused at once."""
    await run.ground.stop("api")
    await run.ground.start("api", REELFOLD_PRODUCE_QUEUE=str(QUEUE), REELFOLD_PRODUCE_DEADLINE_S="12")
    runs = _by_person(run.load.town.doings(1, VIEWS, run.clock.now_ms() - BACK_MS))
    run.load.sent |= {one.event["event_id"]: one for own in runs for one in own}
    async with httpx.AsyncClient(base_url=run.ground.apis[0], timeout=30, trust_env=False) as http:
        await _post(http, run, _one(run))  # connections to the broker stand, the code is warm
        usual = statistics.median([await _refused(http, run, 422, "nothing") for _ in range(REFUSALS)])
        run.ground.freeze("kafka")
        filling = [asyncio.create_task(_post(http, run, own)) for own in runs]
        await until(partial(_full, run.ground.apis[0]), "the queue before the log is full", 10.0)
        refusals = [await _refused(http, run, 503) for _ in range(REFUSALS)]
        answers = await asyncio.gather(*filling)
        run.ground.thaw("kafka")
    run.figure("full_503_median_ms", statistics.median(refusals) * 1_000)
    run.figure("full_503_slowest_ms", max(refusals) * 1_000)
    run.figure("invalid_422_median_ms", usual * 1_000)
    run.expect(
        statistics.median(refusals) < usual + PROMPT_S,
        "a full queue is not told within 100 ms of what the machine needs to look at as many events",
    )
    run.expect(
        {answer.status_code for answer in answers} == {503}, "a post was not refused while the broker stood"
    )
    await run.load.post_all([one for own in runs for one in own])
    await run.mended()


async def _refused(http: httpx.AsyncClient, run: Run, status: int, kind: str = "") -> float:
    """Seconds until a post of many events was refused; a full queue has no room for them."""
    events = [one for _ in range(MANY) for one in _one(run, kind or FOLLOWED)]
    begun = time.monotonic()
    answer = await _post(http, run, events)
    took = time.monotonic() - begun
    run.expect(answer.status_code == status, f"a post was answered {answer.status_code}, not {status}")
    run.expect(status != 503 or "Retry-After" in answer.headers, "a 503 without Retry-After")
    return took


def _full(api: str) -> bool:
    """Whether another post would not fit."""
    return bool(httpx.get(f"{api}/readyz", timeout=5).json()["publisher_fullness"] > 1 - MANY / QUEUE)


async def _post(http: httpx.AsyncClient, run: Run, events: Sequence[Simulated]) -> httpx.Response:
    token = mint(run.ground.settings, run.clock.now_ms(), user_id=events[0].actor_id)
    body = [one.event for one in events]
    return await http.post("/v1/events", json=body, headers={"Authorization": f"Bearer {token}"})


def _one(run: Run, kind: str = FOLLOWED) -> list[Simulated]:
    """An event of somebody outside the town: nobody counts it."""
    now = run.clock.now_ms()
    event: dict[str, Any] = {"event_id": new_event_id(now), "event_type": kind, "occurred_at": now}
    return [Simulated("passer-by", event | {"target_id": "passer-on"})]


def _by_person(events: Sequence[Simulated]) -> list[list[Simulated]]:
    found: dict[str, list[Simulated]] = defaultdict(list)
    for one in events:
        found[one.actor_id].append(one)
    return list(found.values())


CASES = (
    Case("kill9-api", "both API processes die under load, four times", all_killed, 40, TwoDoors),
    Case("kill9-one-api", "one of two API processes dies under load, four times", one_killed, 40, TwoDoors),
    Case(
        "producer-queue-full",
        "503 at once from a full queue",
        with_worker(queue_full),
        40,
        TwoDoors,
        rate=0.0,
    ),
)
