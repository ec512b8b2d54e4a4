"""Bodies are bounded on every route, whoever sends them: in bytes, in seconds, all together."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from api.door.bounds import Bounds
from api.limits import MAX_BODY, InFlight
from tests.api.stage import Stage

ROUTES = ("/v1/uploads", "/v1/dev/tokens")


class Endless:
    """A body without end that remembers how much of it was taken."""

    def __init__(self) -> None:
        self.taken = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks()

    async def _chunks(self) -> AsyncIterator[bytes]:
        while self.taken < 16 * MAX_BODY:
            self.taken += 65_536
            yield b" " * 65_536


async def drip() -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("path", ROUTES)
async def test_nobody_makes_the_server_hold_a_large_body(tmp_path: Path, path: str) -> None:
    stage, body = Stage(tmp_path, dev_issuer=True), Endless()
    answer = await stage.ask("POST", path, content=body)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert body.taken <= MAX_BODY + 65_536


async def test_a_declared_size_is_refused_before_a_byte_is_read(stage: Stage) -> None:
    body = Endless()
    answer = await stage.ask("POST", "/v1/uploads", content=body, headers={"Content-Length": "2000000"})
    assert (answer.status_code, body.taken) == (413, 0)


async def test_a_body_that_drips_is_given_up(stage: Stage) -> None:
    stage.app.user_middleware[-1].kwargs["seconds"] = 0.05
    answer = await asyncio.wait_for(stage.ask("POST", "/v1/uploads", content=drip()), 5)
    assert (answer.status_code, answer.json()["code"]) == (408, "slow_body")


async def test_what_all_hold_together_is_bounded_and_given_back(stage: Stage) -> None:
    in_flight = InFlight(bound=100_000)
    stage.app.user_middleware[-1].kwargs["in_flight"] = in_flight
    answer = await stage.ask("POST", "/v1/uploads", content=b" " * 100_001)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert in_flight.held == 0
    assert (await stage.ask("POST", "/v1/uploads", "ann", json={})).status_code == 201
    assert in_flight.held == 0


async def test_a_problem_keeps_its_headers(stage: Stage) -> None:
    answer: httpx.Response = await stage.get("/v1/me/history")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_wait_for_a_body_is_cancelled_where_it_waits() -> None:
    """The first step is taken by hand: what is thrown into the wait still arrives in it."""
    held = InFlight()
    told: list[str] = []

    async def receive() -> Message:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append("cancelled")
            await asyncio.sleep(0)  # it may wait again
            told.append("and waited")
            raise
        raise AssertionError

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    asked = Bounds(app, in_flight=held)({"type": "http", "headers": []}, receive, unheard)
    task = asyncio.ensure_future(asked)
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == ["cancelled", "and waited"]


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("waits", [False, True])
async def test_a_body_is_the_same_whether_it_is_there_or_comes(pieces: int, waits: bool) -> None:
    left, got = list(range(pieces)), b""

    async def receive() -> Message:
        if waits:
            await asyncio.sleep(0.001)
            await asyncio.sleep(0.001)
        nth = left.pop(0)
        return {"type": "http.request", "body": b"%d" % nth, "more_body": bool(left)}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal got
        more = True
        while more:
            message = await receive()
            got += message["body"]
            more = message["more_body"]

    held = InFlight()
    await Bounds(app, in_flight=held)({"type": "http", "headers": []}, receive, unheard)
    assert (got, held.held) == (b"012"[:pieces], 0)


async def test_what_a_wait_raises_is_raised() -> None:
    async def receive() -> Message:
        await asyncio.sleep(0)
        raise ConnectionResetError

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    with pytest.raises(ConnectionResetError):
        await Bounds(app)({"type": "http", "headers": []}, receive, unheard)


async def unheard(message: Message) -> None:
    """Nobody listens."""
