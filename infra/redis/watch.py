"""One connection to Redis that hears which of the keys read over it have changed since (CLIENT TRACKING).

Answers and news come in the order in which Redis did things: whoever has heard the answer to a command knows
of every change before it. So what is held of earlier answers is as good as asking again once `settled`
returns, and that asks one PING for all who wait: those who come while one is under way share the next.

Bare RESP3 over hiredis: redis-py's own client takes longer to send a command than all else a warm read does.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from infra.redis.link import ANSWER_S, Changed, Command, Link
from infra.redis.link import Away as Away
from infra.telemetry import Log

T = TypeVar("T")
PAUSE_S = 0.5
_LOG = Log("infra")


@dataclass(frozen=True, slots=True)
class Address:
    """Where Redis is. ``trust`` is None without TLS."""

    host: str
    port: int
    database: int = 0
    user: str = ""
    password: str = ""
    trust: ssl.SSLContext | None = None


class Watch:
    """Connects when first needed, and again when the connection is lost. Belongs to one event loop."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._link: Link | None = None
        self._opening: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self.changed: Changed = lambda _: None

    async def settled(self) -> None:
        """Return when every change that Redis made before this call is heard. Raises Away."""
        await self._open().settled()

    async def ask(self, commands: Sequence[Command], take: Callable[[list[Any]], T]) -> T:
        """What ``take`` makes of the answers, called before any later news is heard. Raises Away."""
        return await self._open().ask(commands, take)

    async def opened(self) -> None:
        """Wait for the connection that is being made, if one is."""
        if self._opening is not None:
            await asyncio.wait({self._opening})

    def close(self) -> None:
        """Hear no more."""
        self._not_before = float("inf")
        if self._opening is not None:
            self._opening.cancel()
        if self._link is not None:
            self._link.abort()

    def _open(self) -> Link:
        if self._link is not None:
            return self._link
        loop = asyncio.get_running_loop()
        if self._opening is None and loop.time() >= self._not_before:
            self._not_before = loop.time() + PAUSE_S
            self._opening = loop.create_task(self._connect())
        raise Away

    async def _connect(self) -> None:
        at = self._address
        link = Link(self.changed, self._lost)
        try:
            async with asyncio.timeout(ANSWER_S):
                loop = asyncio.get_running_loop()
                await loop.create_connection(lambda: link, at.host, at.port, ssl=at.trust)
                login = ("AUTH", at.user or "default", at.password) if at.password else ()
                hello = ("HELLO", 3, *login), ("SELECT", at.database), ("CLIENT", "TRACKING", "ON")
                await link.ask(hello, len)
            self._link = link
        except (OSError, TimeoutError, Away) as error:
            link.abort()
            _LOG.warning("store_unavailable", error=f"no news of changes: {type(error).__name__}")
        finally:
            self._opening = None

    def _lost(self, link: Link) -> None:
        if self._link is link:
            self._link = None
        self.changed(None)
