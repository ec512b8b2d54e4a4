"""A Redis of the tests' own, for rooms that are held to their memory twins.

A pytest plugin: a module that needs it says ``pytest_plugins = ["tests.redis_server"]``. A ``redis_url``
of a conftest goes before the one here. Every test takes a generation of its own, so none sees another's keys.
"""

import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest
import redis
import redis.asyncio
import redis.backoff
import redis.retry


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a fresh Redis that lives as long as the test session."""
    port, folder = _free_port(), tmp_path_factory.mktemp("redis")
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log)
    try:
        url = f"redis://127.0.0.1:{port}/0"
        _wait_for(url, folder / "log")
        yield url
    finally:
        server.terminate()
        server.wait(timeout=10)


@pytest.fixture(scope="session")
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """For the write side."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


@pytest.fixture
async def redis_reader(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    """For the read side."""
    client = redis.asyncio.Redis.from_url(redis_url, decode_responses=True)
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def generations() -> Iterator[int]:
    """Generations that nothing was written into."""
    return count(1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, log: Path) -> None:
    retry = redis.retry.Retry(redis.backoff.ConstantBackoff(0.05), 100)
    with redis.Redis.from_url(url, retry=retry, retry_on_error=[redis.ConnectionError]) as client:
        try:
            client.ping()
        except redis.ConnectionError as error:
            raise RuntimeError(f"redis-server did not start: {log.read_text()}") from error
