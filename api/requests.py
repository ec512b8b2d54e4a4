"""What every request gets: an id, a log line, a measured time, and a 500 that tells nothing.

A plain ASGI middleware: no body is touched, none is logged.
"""

import os
import re
import time
import traceback
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path

from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem, answer
from infra.telemetry import REQUEST_SECONDS, Log

_LOG = Log("api")
_ID = re.compile(r"[A-Za-z0-9._:@-]{1,64}")
_HEADER = b"x-request-id"
_PROCESS = os.urandom(8).hex()
_NUMBERS = count(1)
"""A number within the process costs a tenth of a random id, and both are found in one process's log."""


@dataclass(frozen=True, slots=True)
class Route:
    """What a request is logged and measured under: for a route that goes past the framework's routing."""

    path: str


class RequestLine:
    """Answers carry X-Request-Id: the client's own when it is a plain word, else a new one."""

    def __init__(self, app: ASGIApp, log_requests: bool = True) -> None:
        self._app = app
        self._log_requests = log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        answered = _Tagged(send, request_id)
        try:
            await self._app(scope, receive, answered.send)
        except Exception as error:  # the outermost frame: a bug is answered, logged, and told apart
            _LOG.error("request_failed", request_id=request_id, error=type(error).__name__, at=_where(error))
            if answered.status == 0:
                problem = Problem(
                    500, "internal", "Something broke here; it is logged.", request_id=request_id
                )
                await answer(problem)(scope, receive, answered.send)
        finally:
            self._close(scope, request_id, answered.status, time.perf_counter() - started)

    def _close(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        _seconds(route, status).observe(seconds)
        if self._log_requests:
            _LOG.often(
                "request_served",
                request_id=request_id,
                method=scope["method"],
                route=route,
                status=status,
                ms=round(seconds * 1000, 1),
            )


class _Tagged:
    """What is sent, with the request's id; remembers the status, 0 before there is one."""

    __slots__ = ("_request_id", "_send", "status")

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status = 0

    def send(self, message: Message) -> Awaitable[None]:
        """Passes a message on; no coroutine of its own."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (_HEADER, self._request_id.encode())]
        return self._send(message)


@lru_cache(maxsize=1024)
def _seconds(route: str, status: int) -> Histogram:
    """The child of a route and a status: looking it up takes longer than observing."""
    return REQUEST_SECONDS.labels(route, str(status))


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == _HEADER and _ID.fullmatch(text := value.decode("latin-1")):
            return str(text)
    return f"{_PROCESS}-{next(_NUMBERS):x}"


def _where(error: Exception) -> list[str]:
    """The innermost frames as file:line:function. The message is left out: it may quote a body."""
    frames = traceback.extract_tb(error.__traceback__)[-5:]
    return [f"{Path(frame.filename).name}:{frame.lineno}:{frame.name}" for frame in frames]
