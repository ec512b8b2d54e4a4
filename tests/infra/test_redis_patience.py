"""A Redis that is gone for a moment is waited for; one that stays away, or that too many wait for, is not."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
import redis
import redis.asyncio

from infra.clients import patient_redis_client
from infra.redis_patience import ROOM
from infra.stack.process import Child
from tests.stack import Servers

PATIENCE_S = 2.0
SLOWLY = ("--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024")


class Mortal:
    """A Redis of these tests alone, to be killed and started again."""

    def __init__(self) -> None:
        self.servers = Servers()
        self.settings = self.servers.start("redis").model_copy(update={"redis_patience_s": PATIENCE_S})

    def kill(self) -> None:
        self.servers.kill("redis")

    def restart(self, *options: str) -> None:
        """Start it, and do not wait until it is ready."""
        part = self.servers._parts["redis"]
        part = replace(part, command=(*part.command, *options))
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
    reads = [asyncio.create_task(client.get("word")) for _ in range(50)]
    mortal.kill()
    reads += [asyncio.create_task(client.get("word")) for _ in range(50)]
    await asyncio.sleep(0.3)
    assert not reads[-1].done()
    mortal.restart()
    assert set(await asyncio.gather(*reads)) == {"kept"}


async def test_loading_its_data_counts_as_away(mortal: Mortal, client: redis.asyncio.Redis) -> None:
    await client.mset({f"key:{n}": "x" * 100 for n in range(150)})
    await client.bgrewriteaof()  # what is loaded slowly is a snapshot, not single commands
    while (await client.info("persistence"))["aof_rewrite_in_progress"]:
        await asyncio.sleep(0.02)
    mortal.kill()
    mortal.restart(*SLOWLY)
    bare = redis.Redis.from_url(mortal.settings.redis_url.get_secret_value(), decode_responses=True)
    told = ""
    while "loading" not in told:
        try:
            bare.get("word")
        except redis.ConnectionError as error:
            told = str(error).lower()
    together = await asyncio.gather(*(client.get("word") for _ in range(3)))
    assert [*together, await client.get("word")] == ["kept"] * 4


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
    reads = [asyncio.create_task(client.get("word")) for _ in range(ROOM + 100)]
    began = time.monotonic()
    _, waiting = await asyncio.wait(reads, timeout=0.5)
    refused = [read for read in reads if read.done() and isinstance(read.exception(), redis.ConnectionError)]
    assert time.monotonic() - began < 1
    assert 0 < len(waiting) <= ROOM
    assert len(refused) >= 100
    mortal.restart()
    assert set(await asyncio.gather(*waiting)) == {"kept"}
