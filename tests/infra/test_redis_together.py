"""What is asked in one moment travels together; each asker gets its own answer, or its own error."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis
import redis.asyncio

from infra.redis.together import TogetherRedis


@pytest.fixture
async def together(redis_url: str) -> AsyncIterator[TogetherRedis]:
    client = TogetherRedis.from_pool(redis.asyncio.ConnectionPool.from_url(redis_url, decode_responses=True))
    assert isinstance(client, TogetherRedis)
    yield client
    await client.aclose()


async def test_everyone_gets_the_own_answer(together: TogetherRedis) -> None:
    await asyncio.gather(*(together.set(f"together:{n}", n) for n in range(1_200)))
    before = (await together.info("stats"))["total_reads_processed"]
    found = await asyncio.gather(*(together.get(f"together:{n}") for n in range(1_200)))
    reads = (await together.info("stats"))["total_reads_processed"] - before
    assert found == [str(n) for n in range(1_200)]
    assert reads < 100  # some pipelines in a few pieces, not a command each
    await together.delete(*(f"together:{n}" for n in range(1_200)))


async def test_an_error_is_its_own_askers(together: TogetherRedis) -> None:
    await together.set("together:text", "a")
    wrong, right = await asyncio.gather(
        together.hgetall("together:text"), together.get("together:text"), return_exceptions=True
    )
    assert isinstance(wrong, redis.ResponseError)
    assert right == "a"
    await together.delete("together:text")


async def test_scripts_that_redis_forgot_are_sent_again(together: TogetherRedis) -> None:
    script = together.register_script("return ARGV[1]")
    await together.script_flush()
    assert await asyncio.gather(*(script(args=[str(n)]) for n in range(5))) == list("01234")


async def test_who_gives_up_disturbs_nobody(together: TogetherRedis) -> None:
    await together.set("together:n", "1")
    asked: list[asyncio.Future[Any]] = [asyncio.ensure_future(together.get("together:n")) for _ in range(3)]
    await asyncio.sleep(0)
    asked[0].cancel()
    assert await asyncio.gather(*asked[1:]) == ["1", "1"]
    await together.delete("together:n")


async def test_a_redis_that_is_away_is_told_to_all() -> None:
    client = TogetherRedis(host="127.0.0.1", port=1, socket_connect_timeout=0.2)
    told = await asyncio.gather(client.get("a"), client.get("b"), return_exceptions=True)
    assert [isinstance(one, redis.ConnectionError) for one in told] == [True, True]
    await client.aclose()
