"""A Redis that is gone for a moment is waited for; one that stays away, or that too many wait for, is not."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
from pydantic import SecretStr

from infra.clients import patient_redis_client
from infra.redis.patience import ROOM
from infra.settings import Settings
from infra.stack.process import Child
from tests.stack import Servers

PATIENCE_S = 2.0


class Mortal:
    """A Redis of these tests alone, to be killed and started again."""

    def __init__(self) -> None:
        self.servers = Servers()
        self.settings = self.servers.start("redis").model_copy(update={"redis_patience_s": PATIENCE_S})

    def kill(self) -> None:
        self.servers.kill("redis")

    def restart(self) -> None:
        """Start it, and do not wait until it is ready."""
        part = self.servers._parts["redis"]
        self.servers._running["redis"] = Child(part.command, part.environment, part.log(self.servers.data))


@pytest.fixture
def mortal() -> Iterator[Mortal]:
    one = Mortal()
    yield one
    one.servers.stop()


@pytest.fixture
async def client(mortal: Mortal) -> AsyncIterator[redis.asyncio.Redis]:
    one = patient_redis_client(mortal.settings)
    await one.set("word", "kept")
    yield one
    await one.aclose()


async def test_what_is_asked_while_it_restarts_is_answered(
    mortal: Mortal, client: redis.asyncio.Redis
) -> None:
    reads: list[asyncio.Future[Any]] = [asyncio.ensure_future(client.get("word")) for _ in range(50)]
    mortal.kill()
    reads += [asyncio.ensure_future(client.get("word")) for _ in range(50)]
    await asyncio.sleep(0.3)
    assert not reads[-1].done()
    mortal.restart()
    assert set(await asyncio.gather(*reads)) == {"kept"}


class Loading:
    """What a Redis says that has its data on disk still; ``done`` says that it is read."""

    def __init__(self) -> None:
        self.done = False
        self.refused = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while asked := await reader.read(65_536):
            for command in re.findall(rb"\*\d+\r\n\$\d+\r\n(\w+)", asked):
                writer.write(self._answer(command))
        writer.close()

    def _answer(self, command: bytes) -> bytes:
        if command not in (b"GET", b"PING"):
            return b"+OK\r\n"
        if not self.done:
            self.refused += 1
            return b"-LOADING Redis is loading the dataset in memory\r\n"
        return b"$4\r\nkept\r\n" if command == b"GET" else b"+PONG\r\n"


async def test_loading_its_data_counts_as_away() -> None:
    slow = Loading()
    server = await asyncio.start_server(slow.serve, "127.0.0.1", 0)
    url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    one = patient_redis_client(Settings(redis_url=SecretStr(url), redis_patience_s=PATIENCE_S))
    together = [asyncio.ensure_future(one.get("word")) for _ in range(3)]
    await asyncio.sleep(0.2)
    alone = asyncio.ensure_future(one.get("word"))
    await asyncio.sleep(0.2)
    assert slow.refused > 1
    slow.done = True
    assert await asyncio.gather(*together, alone) == ["kept"] * 4
    await one.aclose()
    server.close()


async def test_one_that_stays_away_is_waited_for_once(mortal: Mortal, client: redis.asyncio.Redis) -> None:
    mortal.kill()
    began = time.monotonic()
    with pytest.raises(redis.ConnectionError):
        await client.get("word")
    assert PATIENCE_S - 0.2 < time.monotonic() - began < PATIENCE_S + 1
    began = time.monotonic()
    with pytest.raises(redis.ConnectionError):
        await client.get("word")
    assert time.monotonic() - began < 0.2
    mortal.restart()
    await asyncio.sleep(1.0)  # the probe looks twice a second by now
    assert await client.get("word") == "kept"


async def test_past_the_room_a_reader_hears_at_once(mortal: Mortal, client: redis.asyncio.Redis) -> None:
    mortal.kill()
    with pytest.raises(TimeoutError):  # an outage is known from the first that failed
        async with asyncio.timeout(0.3):
            await client.get("word")
    reads: list[asyncio.Future[Any]] = [asyncio.ensure_future(client.get("word")) for _ in range(ROOM + 100)]
    began = time.monotonic()
    _, waiting = await asyncio.wait(reads, timeout=0.5)
    refused = [read for read in reads if read.done() and isinstance(read.exception(), redis.ConnectionError)]
    assert time.monotonic() - began < 1
    assert 0 < len(waiting) <= ROOM
    assert len(refused) >= 100
    mortal.restart()
    assert set(await asyncio.gather(*waiting)) == {"kept"}
