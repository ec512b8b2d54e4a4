"""Clients for rooms that are held to their memory twins on a real Redis.

A pytest plugin: a module that needs it says ``pytest_plugins = ["tests.redis_server"]``. Its database is
not the one that a stack under test uses, so it may be emptied. Every test takes a generation of its own.
"""

from collections.abc import AsyncIterator, Iterator
from itertools import count
from typing import Any

import pytest
import redis
import redis.asyncio

_DATABASE = 9


@pytest.fixture(scope="session")
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """For the write side."""
    with redis.Redis(**_options(redis_url)) as client:
        yield client


@pytest.fixture
async def redis_reader(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    """For the read side."""
    client = redis.asyncio.Redis(**_options(redis_url))
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def generations() -> Iterator[int]:
    """Generations that nothing was written into."""
    return count(1)


def _options(url: str) -> dict[str, Any]:
    known = redis.connection.parse_url(url)  # type: ignore[no-untyped-call]  # redis-py has no types here
    return {**known, "db": _DATABASE, "decode_responses": True}
