"""The load finds the address that answers, however many posts fail at the same moment."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import httpx
import orjson
import pytest

from infra.chaos.load import TOGETHER, Load
from infra.clock import HandClock
from infra.demo.simulation import Simulated
from infra.settings import Settings

SECRET = "a shared key of at least 32 bytes, for tests"


@pytest.mark.parametrize("posts", [1, 2, TOGETHER])
async def test_posts_that_fail_together_all_turn_to_the_one_that_lives(posts: int) -> None:
    asked: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        await asyncio.sleep(0.01)  # so that those that begin together fail together
        if request.url.host == "dead":
            raise httpx.ConnectError("refused")
        events = [{"status": "accepted"} for _ in orjson.loads(request.content)]
        return httpx.Response(202, json={"events": events})

    town = cast(Any, SimpleNamespace())
    load = Load(Settings(jwt_secret=SECRET), ["http://dead", "http://alive"], town, 1, HandClock(1_000))
    load._http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    await load.post_all([Simulated(f"u{nth}", {"event_id": f"e{nth}"}) for nth in range(posts)])
    assert asked == ["dead"] * posts + ["alive"] * posts
    assert len(load.acknowledged) == posts
    await load.close()
