"""Waiting on conditions, each within a bound; nothing here waits for time to pass."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
LOOK_S = 0.05


async def until(look: Callable[[], Awaitable[T]], what: str, within_s: float = 60.0) -> T:
    """The first truthy answer; fails the test, naming what did not come about, past the bound."""
    deadline = time.monotonic() + within_s
    while not (found := await look()):
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what} (last: {found!r})"
        await asyncio.sleep(LOOK_S)
    return found


async def until_true(look: Callable[[], bool], what: str, within_s: float = 60.0) -> None:
    """The same for a question that blocks: it is asked in a thread."""
    await until(lambda: asyncio.to_thread(look), what, within_s)
