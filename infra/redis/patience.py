"""Waiting out a Redis that is gone for a moment: killed and restarted, or still loading its data.

Reads change nothing, so they may be asked again. The first that fails begins an outage: one probe looks for
Redis, and what is asked meanwhile waits for the probe and not on sockets of its own. An outage is waited for
once, ``patience_s`` from its begin: past that, and past ``room`` waiting commands, a reader hears at once
that Redis is away, so that requests neither pile up nor hang.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import redis

from infra.telemetry import Log

T = TypeVar("T")
ROOM = 512
"""Commands that may wait. A waiting request has asked one; a server of ours admits twice as many requests,
so that those which need no Redis still find a place."""
PROBE_S, LONGEST_PAUSE_S = 0.05, 0.5
_LOG = Log("infra")


@dataclass(slots=True)
class _Outage:
    """One absence of Redis; times are the event loop's."""

    began: float
    reason: str
    over: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0


class Patience:
    """Belongs to one event loop. ``probe`` returns when Redis answers and raises its client's errors else."""

    def __init__(self, probe: Callable[[], Awaitable[object]], patience_s: float, room: int = ROOM) -> None:
        self._probe = probe
        self._patience_s = patience_s
        self._room = room
        self._outage: _Outage | None = None
        self._watching: asyncio.Task[None] | None = None

    async def answered(self, ask: Callable[[], Awaitable[T]], commands: int) -> T:
        """What ``ask`` answers, asked again while Redis is away; raises redis.ConnectionError
        when that takes too long, and at once when too many wait."""
        asked_at = asyncio.get_running_loop().time()
        while True:
            if self._outage is not None:
                await self._wait(self._outage, asked_at, commands)
            began = asyncio.get_running_loop().time()
            try:
                return await ask()
            except (redis.ConnectionError, redis.TimeoutError) as error:  # one that loads is the former
                if self._outage is None:
                    self._begin(_Outage(began, str(error)))

    def close(self) -> None:
        """Look no more."""
        if self._watching is not None:
            self._watching.cancel()

    async def _wait(self, outage: _Outage, asked_at: float, commands: int) -> None:
        until = min(asked_at, outage.began) + self._patience_s
        if asyncio.get_running_loop().time() >= until:
            raise redis.ConnectionError(outage.reason)
        if outage.waiting + commands > self._room:
            raise redis.ConnectionError(f"too many wait already: {outage.reason}")
        outage.waiting += commands
        try:
            async with asyncio.timeout_at(until):
                await outage.over.wait()
        except TimeoutError:
            raise redis.ConnectionError(outage.reason) from None
        finally:
            outage.waiting -= commands

    def _begin(self, outage: _Outage) -> None:
        self._outage = outage
        self._watching = asyncio.get_running_loop().create_task(self._watch(outage))
        _LOG.warning("store_unavailable", error=outage.reason)

    async def _watch(self, outage: _Outage) -> None:
        """Ask until Redis answers; then let everybody ask."""
        pause = PROBE_S
        while not await self._is_back():
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_S)
        self._outage = None
        outage.over.set()
        away_s = asyncio.get_running_loop().time() - outage.began
        _LOG.info("store_back", away_s=round(away_s, 3))

    async def _is_back(self) -> bool:
        try:
            async with asyncio.timeout(1.0):
                await self._probe()
        except (redis.RedisError, OSError, TimeoutError):
            return False
        return True
