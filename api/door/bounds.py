"""What a request's body may cost, on every route: bytes, seconds, and its share of what all may hold.

The framework reads a body before it asks who sends it, so the bounds stand before the framework.
"""

import asyncio
from collections.abc import Awaitable, Generator
from types import coroutine
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.limits import BODY_SECONDS, MAX_BODY, InFlight
from api.problems import Problem, unavailable


class Bounds:
    """An ASGI middleware: whoever reads a body past a bound gets a Problem (408, 413, 503)."""

    def __init__(
        self, app: ASGIApp, seconds: float = BODY_SECONDS, in_flight: InFlight | None = None
    ) -> None:
        self._app = app
        self._seconds = seconds
        self._in_flight = in_flight or InFlight()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(scope, receive, self._seconds, self._in_flight)
        try:
            await self._app(scope, body.receive, send)
        finally:
            self._in_flight.release(body.size)


class _Body:
    """One request's body as it arrives. The clock runs from the first wait to the last byte."""

    __slots__ = ("_in_flight", "_read", "_receive", "_scope", "_seconds", "_until", "_whole", "size")

    def __init__(self, scope: Scope, receive: Receive, seconds: float, in_flight: InFlight) -> None:
        self.size = 0
        self._scope = scope
        self._receive = receive
        self._seconds = seconds
        self._in_flight = in_flight
        self._until: float | None = None
        self._read = self._whole = False

    async def receive(self) -> Message:
        """The next message; raises Problem."""
        if self._whole:  # what comes now is the news that the client went away
            return await self._receive()
        if not self._read:
            self._read = True
            self._refuse_declared()
        steps = self._receive().__await__()
        try:
            # Most bodies come with their heads and are there in one step; setting a clock costs more.
            waits_for = steps.send(None)
        except StopIteration as there:
            message: Message = there.value
        else:
            message = await self._in_time(_rest(waits_for, steps))
        self._count(len(message.get("body", b"")))
        self._whole = not message.get("more_body", False)
        return message

    async def _in_time(self, coming: Awaitable[Message]) -> Message:
        if self._until is None:
            self._until = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._until):
                return await coming
        except TimeoutError:
            raise Problem(408, "slow_body", f"The body was not here within {self._seconds:g} s.") from None

    def _refuse_declared(self) -> None:
        for name, value in self._scope["headers"]:
            if name == b"content-length":
                if value.isdigit() and (len(value) > 12 or int(value) > MAX_BODY):
                    raise _too_large()
                return

    def _count(self, size: int) -> None:
        if self.size + size > MAX_BODY:
            raise _too_large()
        if not self._in_flight.admit(size):
            raise unavailable("door", 1)
        self.size += size


@coroutine
def _rest(waits_for: Any, steps: Generator[Any, Any, Message]) -> Generator[Any, Any, Message]:
    """What has begun, from its first wait on. What ends a wait, say a cancelled task, is thrown into it."""
    try:
        yield waits_for
    except BaseException as error:
        try:
            again = steps.throw(error)
        except StopIteration as there:
            message: Message = there.value
            return message
        return (yield from _rest(again, steps))
    return (yield from steps)


def _too_large() -> Problem:
    return Problem(413, "body_too_large", f"A body is at most {MAX_BODY} bytes.")
