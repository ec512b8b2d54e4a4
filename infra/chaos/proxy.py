"""A TCP proxy that misbehaves on request: it stands between a client and one server.

    lose_answers(2, b"INSERT")   two such requests reach the server; their answers do not come back
    reset_after(1, b"INSERT")    the connection is reset as soon as such a request was passed on
    delay_s = 0.2                every answer comes this much later
    frozen = True                connections stay open, nothing passes
    answer = b"HTTP/1.1 500 ..." every request is answered with these bytes, the server hears of none
    refusing = True              connections are closed at once

A request is recognised in the chunk that it arrives in: enough for commands and HTTP requests.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

CHUNK = 256 * 1024
LOOK_S = 0.01
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends RST."""


@dataclass(slots=True)
class _Pair:
    """A client's connection and ours to the server. ``doomed``: its next answer is lost."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    doomed: bool = False

    def reset(self) -> None:
        for writer in (self.client, self.server):
            peer = writer.get_extra_info("socket")
            if peer is not None:
                with contextlib.suppress(OSError):
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()


@dataclass(slots=True)
class Proxy:
    """Between 127.0.0.1:`port` and host:target. Entered, it listens; left, every connection is reset."""

    host: str
    target: int
    port: int = 0
    delay_s: float = 0.0
    frozen: bool = False
    refusing: bool = False
    answer: bytes = b""
    swallow: Callable[[bytes], bool] | None = None
    """Which chunks of clients go nowhere."""
    struck: int = 0
    """How many connections were harmed by `lose_answers` and `reset_after`."""
    _pairs: list[_Pair] = field(default_factory=list)
    _lose: tuple[int, bytes] = (0, b"")
    _reset: tuple[int, bytes] = (0, b"")
    _server: asyncio.Server | None = None

    async def start(self) -> Self:
        """Listen; a port of 0 is given a free one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=CHUNK)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        """Close the door and reset who is in."""
        if self._server is not None:
            self._server.close()
        self.reset()

    def lose_answers(self, count: int, request: bytes = b"") -> None:
        """The server gets the next ``count`` requests with these bytes, and their clients a reset instead
        of an answer."""
        self._lose = count, request

    def reset_after(self, count: int, request: bytes = b"") -> None:
        """Reset both sides right after the next ``count`` such requests were passed on."""
        self._reset = count, request

    def reset(self) -> None:
        """Reset every open connection."""
        for pair in self._pairs:
            pair.reset()

    def behave(self) -> None:
        """End every fault that was asked for."""
        self.delay_s, self.frozen, self.refusing, self.answer, self.swallow = 0.0, False, False, b"", None
        self._lose = self._reset = (0, b"")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        try:
            upstream, server = await asyncio.open_connection(self.host, self.target, limit=CHUNK)
        except OSError:
            writer.transport.abort()
            return
        pair = _Pair(writer, server)
        self._pairs.append(pair)
        try:
            await asyncio.gather(self._requests(reader, pair), self._answers(upstream, pair))
        except (OSError, EOFError):
            pass  # one side has gone, or was made to
        finally:
            self._pairs.remove(pair)
            pair.reset()

    async def _requests(self, reader: asyncio.StreamReader, pair: _Pair) -> None:
        while chunk := await reader.read(CHUNK):
            await self._thawed()
            if self.answer:
                pair.client.write(self.answer)
                await pair.client.drain()
                raise EOFError
            if self.swallow is not None and self.swallow(chunk):
                continue
            pair.doomed = pair.doomed or self._counts("_lose", chunk)
            pair.server.write(chunk)
            await pair.server.drain()
            if self._counts("_reset", chunk):
                raise EOFError
        raise EOFError

    async def _answers(self, reader: asyncio.StreamReader, pair: _Pair) -> None:
        while chunk := await reader.read(CHUNK):
            await self._thawed()
            if pair.doomed:
                raise EOFError
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            pair.client.write(chunk)
            await pair.client.drain()
        raise EOFError

    def _counts(self, fault: str, chunk: bytes) -> bool:
        left, request = getattr(self, fault)
        if not left or request not in chunk:
            return False
        setattr(self, fault, (left - 1, request))
        self.struck += 1
        return True

    async def _thawed(self) -> None:
        while self.frozen:
            await asyncio.sleep(LOOK_S)
