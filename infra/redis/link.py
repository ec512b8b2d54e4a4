"""The wire under infra.redis.watch: RESP3 over hiredis, commands out, answers and news in, in one order."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import hiredis

T = TypeVar("T")
Command = tuple[str | int, ...]
Changed = Callable[[str | None], None]
"""A key that changed; None: whatever was read may have changed."""
ANSWER_S = 1.0
GATHER_S = 0.001
"""One PING in so long at most: it costs a fifth of a page. Who comes after a pause does not wait."""
_PING = hiredis.pack_command(("PING",))
_NONE = object()


class Away(Exception):
    """There is no connection, or it broke before the answer: ask Redis another way."""


@dataclass(slots=True)
class _Asked:
    """Commands whose answers are taken together."""

    left: int
    take: Callable[[list[Any]], None]
    fail: Callable[[], None]
    answers: list[Any]


class Link(asyncio.Protocol):
    """One connection. An answer that is an error ends it: what it means is for another client to find out."""

    def __init__(self, changed: Changed, lost: Callable[["Link"], None]) -> None:
        self._changed = changed
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(encoding="utf-8", errors="surrogateescape", notEnoughData=_NONE)
        self._asked: deque[_Asked] = deque()
        self._waiting: list[asyncio.Future[None]] = []
        self._pinged = False
        self._pinged_at = 0.0
        self._transport: asyncio.Transport | None = None
        self._watchdog: asyncio.TimerHandle | None = None

    async def settled(self) -> None:
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(future)
        if not self._pinged:
            self._ping_soon()
        await future

    async def ask(self, commands: Sequence[Command], take: Callable[[list[Any]], T]) -> T:
        future: asyncio.Future[T] = self._loop.create_future()

        def taken(answers: list[Any]) -> None:
            try:
                made = take(answers)  # whether or not somebody still waits for it
            except Exception as error:
                if not future.done():
                    future.set_exception(error)
                return
            if not future.done():
                future.set_result(made)

        self._send(b"".join([_packed(one) for one in commands]), len(commands), taken, lambda: _fail(future))
        return await future

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of a stream, as create_connection makes it

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (said := self._reader.gets()) is not _NONE:
            if isinstance(said, hiredis.PushNotification):
                self._heard(said)
            elif isinstance(said, hiredis.HiredisError):
                self.abort()
                return
            else:
                self._answered(said)

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        self._rest()
        self._lost(self)
        asked, self._asked = self._asked, deque()
        for one in asked:
            one.fail()
        for future in self._waiting:
            _fail(future)

    def _heard(self, news: list[Any]) -> None:
        if news[0] == "invalidate":
            for key in news[1] or (None,):
                self._changed(key)

    def _answered(self, answer: Any) -> None:
        asked = self._asked[0]
        asked.answers.append(answer)
        asked.left -= 1
        if asked.left == 0:
            self._asked.popleft()
            self._rest()
            asked.take(asked.answers)

    def _ping_soon(self) -> None:
        self._pinged = True
        wait_s = self._pinged_at + GATHER_S - self._loop.time()
        if wait_s > 0:
            self._loop.call_later(wait_s, self._ping)
        else:
            self._loop.call_soon(self._ping)

    def _ping(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._pinged_at = self._loop.time()

        def pong(_: list[Any]) -> None:
            for future in waiting:
                if not future.done():
                    future.set_result(None)
            self._pinged = False
            if self._waiting:
                self._ping_soon()

        def lost() -> None:
            for future in waiting:
                _fail(future)

        self._send(_PING, 1, pong, lost)

    def _send(
        self, text: bytes, commands: int, take: Callable[[list[Any]], None], fail: Callable[[], Any]
    ) -> None:
        if self._transport is None:
            fail()
            return
        self._asked.append(_Asked(commands, take, fail, []))
        self._transport.write(text)
        if self._watchdog is None:
            self._watchdog = self._loop.call_later(ANSWER_S, self.abort)

    def _rest(self) -> None:
        """An answer came: whoever waits for the next has as long again."""
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = self._loop.call_later(ANSWER_S, self.abort) if self._asked else None


def _packed(command: Command) -> bytes:
    return bytes(hiredis.pack_command(command))  # type: ignore[arg-type]  # of mixed words, which it takes


def _fail(future: "asyncio.Future[Any]") -> None:
    if not future.done():
        future.set_exception(Away())
