"""A server on a real socket: an application whose answers a test holds, and clients that write bytes."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import uvloop
from starlette.types import Message, Receive, Scope, Send

from api.serve import Server, server


class Held:
    """Answers each request with its path and body; /slow waits until `go` is set. Keeps what it was told."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.told: list[tuple[str, str, bytes]] = []
        self.scopes: list[Scope] = []
        self.size = 0
        self.closed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        self.scopes.append(scope)
        await self.answer(scope, receive, send)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        body = b"" if path == "/early" else await self._body(path, receive)
        if path == "/slow":
            await self.go.wait()
        if path == "/watch":
            self.told.append((path, (await receive())["type"], b""))
        answer = path.encode() + b" " + body + b"." * self.size
        head = [(b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": answer})

    async def _body(self, path: str, receive: Receive) -> bytes:
        body, more = b"", True
        while more:
            message: Message = await receive()
            self.told.append((path, message["type"], message.get("body", b"")))
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return body

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.closed = True
        await send({"type": "lifespan.shutdown.complete"})


DATE = re.compile(rb"date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n")
"""The one header that the server adds to an answer (RFC 9110, 6.6.1)."""


class Client:
    """A socket: writes bytes, and reads until something is there or it is closed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self._reader = reader

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def until(self, end: bytes) -> bytes:
        """What is read up to these bytes."""
        return await asyncio.wait_for(self._reader.readuntil(end), 5)

    async def dateless(self, size: int) -> tuple[bytes, int]:
        """What is read up to so many bytes, without the dates in it, and how many these were."""
        got = b""
        while len(DATE.sub(b"", got)) < size and (
            more := await asyncio.wait_for(self._reader.read(4_096), 5)
        ):
            got += more
        return DATE.subn(b"", got)

    async def rest(self) -> bytes:
        """What is read until the server closes."""
        try:
            return await asyncio.wait_for(self._reader.read(-1), 5)
        except ConnectionResetError:
            return b""


class Wire:
    """The server and its application."""

    def __init__(self, app: Held, running: Server) -> None:
        self.app = app
        self.server = running
        self._clients: list[Client] = []

    @property
    def connections(self) -> int:
        return len(self.server.server_state.connections)

    async def client(self) -> Client:
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self._clients.append(Client(*await asyncio.open_connection("127.0.0.1", port)))
        return self._clients[-1]

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not holds():
                await asyncio.sleep(0.005)

    async def close(self) -> None:
        for client in self._clients:
            client.writer.transport.abort()


@asynccontextmanager
async def wire(app: Held) -> AsyncIterator[Wire]:
    running = server(app, "127.0.0.1", 0)
    serving = asyncio.create_task(running.serve())
    while not running.started:
        await asyncio.sleep(0.005)
    at = Wire(app, running)
    try:
        yield at
    finally:
        app.go.set()
        await at.close()
        running.should_exit = True
        await asyncio.wait_for(serving, 10)


def played(scene: Callable[[Wire], Awaitable[None]], app: Held | None = None) -> None:
    """Run a scene on the loop that the API runs on."""

    async def play() -> None:
        async with wire(app or Held()) as at:
            await scene(at)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(play())


def get(path: str, *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: api", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body
