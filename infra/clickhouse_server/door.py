"""The HTTP door (ASGI): /ping, and queries on / ; errors in ClickHouse's words."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from infra.clickhouse_server import bodies, request
from infra.clickhouse_server.engine import Answer, Engine
from infra.clickhouse_server.errors import ClickHouseError
from infra.clickhouse_server.users import Users
from infra.telemetry import Log

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
THREADS = 12
_TEXT = "text/plain; charset=UTF-8"
_TYPES = {
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNames": "text/tab-separated-values; charset=UTF-8",
    "Native": "application/octet-stream",
    "Parquet": "application/octet-stream",
}


class Door:
    """The ASGI application. Bodies are bounded before and after unpacking, in bytes."""

    def __init__(self, engine: Engine, users: Users, body_limit: int) -> None:
        self._engine = engine
        self._users = users
        self._limit = body_limit
        self._threads = ThreadPoolExecutor(THREADS, "query")
        self._writes = asyncio.Lock()
        self._closing = False
        self._log = Log("clickhouse")

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        if path == "/ping":
            await _reply(send, 200, b"Ok.\n", {"content-type": _TEXT})
        elif path != "/" or method not in ("GET", "POST", "HEAD"):
            await _reply(send, 404, b"There is no handle " + path.encode() + b"\n", {"content-type": _TEXT})
        else:
            await self._query(scope, receive, send)

    async def close(self) -> None:
        """Refuse new queries, wait for those that run, and close the engine."""
        self._closing = True
        await asyncio.to_thread(self._threads.shutdown, wait=True)
        await asyncio.to_thread(self._engine.close)

    async def _query(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        common = {"x-clickhouse-timezone": "UTC", "x-clickhouse-server-display-name": "reelfold"}
        try:
            asked = await self._read(scope, headers, receive)
            common["x-clickhouse-query-id"] = asked.query_id or str(uuid.uuid4())  # noqa: TID251 - names a query
            answer = await self._answer(asked)
        except ClickHouseError as error:
            self._log.debug("clickhouse_query_failed", code=error.code, name=error.name)
            common["x-clickhouse-exception-code"] = str(error.code)
            common["content-type"] = _TEXT
            await _reply(send, error.status, f"{error}\n".encode(), common)
            return
        body, encoding = answer.body, ""
        if asked.compressed:
            accepted = headers.get("accept-encoding", "")
            body, encoding = await asyncio.to_thread(bodies.pack, body, accepted)
        await _reply(send, 200, body, common | _described(answer, encoding))

    async def _read(
        self, scope: Mapping[str, Any], headers: Mapping[str, str], receive: Receive
    ) -> request.Request:
        packed = await _body(receive, self._limit)
        encoding = headers.get("content-encoding", "")
        body = await asyncio.to_thread(bodies.unpack, packed, encoding, self._limit)
        return request.read(scope["method"], scope["query_string"], headers, body)

    async def _answer(self, asked: request.Request) -> Answer:
        user = self._users.authenticate(asked.user, asked.password)
        if self._closing:
            raise ClickHouseError(236, "ABORTED", "The server is shutting down.")
        run = asyncio.get_running_loop().run_in_executor
        if not user.writes or asked.read_only:
            return await run(self._threads, self._engine.run, asked, user)
        async with self._writer(asked):
            return await run(self._threads, self._engine.run, asked, user)

    def _writer(self, asked: request.Request) -> Any:
        """Writes queue here, not on threads: a queue of inserts must not starve the readers."""
        return self._writes if asked.query.lstrip()[:6].upper() == b"INSERT" else _Free()


class _Free:
    """A lock that is always free."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        return None


async def _body(receive: Receive, limit: int) -> bytes:
    parts = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClickHouseError(210, "NETWORK_ERROR", "The client went away.")
        parts += message.get("body", b"")
        if len(parts) > limit:
            raise bodies.too_large(limit)
        if not message.get("more_body", False):
            return bytes(parts)


def _described(answer: Answer, encoding: str) -> dict[str, str]:
    headers = {
        "content-type": _TYPES.get(answer.format, _TEXT),
        "x-clickhouse-summary": orjson.dumps(dict(answer.summary)).decode(),
    }
    if answer.format:
        headers["x-clickhouse-format"] = answer.format
    if encoding:
        headers["content-encoding"] = encoding
    return headers


async def _reply(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    pairs = [(name.encode("latin-1"), text.encode("latin-1", "replace")) for name, text in headers.items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
