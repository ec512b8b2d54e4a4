"""The prober: it goes to the other API when one is lost, and it counts what a user would call bad."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from infra.chaos.exhibit import Question
from infra.chaos.prober import Balancer, Prober
from infra.clock import SystemClock
from infra.settings import Settings


class Door:
    """One API process: answers every request alike, and says no more when it is closed."""

    def __init__(self) -> None:
        self.status, self.body = "200 OK", b"right"
        self._server: asyncio.Server | None = None

    async def open(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def close(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {self.status}\r\nContent-Length: {len(self.body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + self.body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def doors() -> AsyncIterator[list[Door]]:
    found = [Door(), Door()]
    yield found
    for door in found:
        door.close()


async def test_a_lost_process_costs_no_answer_and_a_refusal_is_passed_on(doors: list[Door]) -> None:
    addresses = [await door.open() for door in doors]
    async with httpx.AsyncClient(trust_env=False) as http:
        balancer = Balancer(addresses, http)
        doors[0].close()
        answers = [await balancer.get("/", {}) for _ in range(6)]
        assert {answer.status_code for answer in answers} == {200}
        assert balancer.failovers == 1  # then it is left out for a while
        doors[1].status = "503 Unavailable"
        assert (await balancer.get("/", {})).status_code == 503
        doors[1].close()
        with pytest.raises(httpx.TransportError):
            await balancer.get("/", {})


async def test_good_is_the_right_content_in_time(doors: list[Door]) -> None:
    addresses = [await door.open() for door in doors]
    question = Question("page", "/", lambda answer: answer.content == b"right")
    prober = Prober(Settings(), addresses, [question] * 4, SystemClock(), rate=200.0)
    assert (await prober.everything()).good == 4
    for door in doors:
        door.body = b"wrong"
    assert (await prober.everything()).bad == {"page: wrong content": 4}
    for door in doors:
        door.status = "503 Unavailable"
    assert (await prober.everything()).bad == {"page: 503": 4}
    for door in doors:
        door.close()
    assert (await prober.everything()).bad == {"page: ConnectError": 4}
    await prober.end()


async def test_reads_go_on_though_all_of_them_fail(doors: list[Door]) -> None:
    addresses = [await door.open() for door in doors]
    for door in doors:
        door.close()
    question = Question("page", "/", lambda answer: True)
    prober = Prober(Settings(), addresses, [question], SystemClock(), rate=200.0)
    prober.begin()
    asked = 0
    async with asyncio.timeout(20):
        while asked < 20:
            await asyncio.sleep(0.1)
            tally = prober.tally()
            asked += tally.asked
            assert tally.good == 0
    await prober.end()
