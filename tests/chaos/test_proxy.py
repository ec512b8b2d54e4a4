"""The proxy does to connections what it is asked for, and nothing else."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from infra.chaos.proxy import Proxy

heard: list[bytes] = []


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """Before a server that answers every line with "yes"."""
    heard.clear()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            heard.append(line)
            writer.write(b"yes\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    one = await Proxy("127.0.0.1", server.sockets[0].getsockname()[1]).start()
    yield one
    await one.stop()
    server.close()


async def _ask(proxy: Proxy, line: bytes, patience_s: float = 2.0) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        writer.write(line)
        async with asyncio.timeout(patience_s):
            return await reader.readline()
    finally:
        writer.close()


async def test_what_passes_passes(proxy: Proxy) -> None:
    assert await _ask(proxy, b"hello\n") == b"yes\n"
    assert heard == [b"hello\n"]


async def test_a_lost_answer_was_a_request_carried_out(proxy: Proxy) -> None:
    proxy.lose_answers(1, b"INSERT")
    assert await _ask(proxy, b"SELECT\n") == b"yes\n"
    with pytest.raises(ConnectionResetError):
        await _ask(proxy, b"INSERT\n")
    assert await _ask(proxy, b"INSERT\n") == b"yes\n"
    assert heard == [b"SELECT\n", b"INSERT\n", b"INSERT\n"]
    assert proxy.struck == 1


async def test_a_reset_comes_once_the_request_was_sent(proxy: Proxy) -> None:
    proxy.reset_after(1, b"INSERT")
    with pytest.raises(ConnectionResetError):
        await _ask(proxy, b"INSERT\n")
    assert proxy.struck == 1
    assert await _ask(proxy, b"INSERT\n") == b"yes\n"


async def test_frozen_it_passes_nothing_until_it_thaws(proxy: Proxy) -> None:
    proxy.frozen = True
    asking = asyncio.create_task(_ask(proxy, b"hello\n"))
    await asyncio.sleep(0.2)
    assert not asking.done()
    assert heard == []
    proxy.behave()
    assert await asking == b"yes\n"


async def test_it_answers_for_the_server_or_not_at_all(proxy: Proxy) -> None:
    proxy.answer = b"no\n"
    assert await _ask(proxy, b"hello\n") == b"no\n"
    proxy.behave()
    proxy.swallow = lambda chunk: chunk.startswith(b"fetch")
    with pytest.raises(TimeoutError):
        await _ask(proxy, b"fetch\n", 0.2)
    proxy.refusing = True
    with pytest.raises(ConnectionResetError):
        await _ask(proxy, b"hello\n")
    assert heard == []
