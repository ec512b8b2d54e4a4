"""Waiting on conditions, each within a bound."""

import asyncio
import time
from collections.abc import Callable

LOOK_S = 0.05


class CaseFailed(Exception):
    """What a case promises did not happen; the message says what, in a sentence."""


async def until(
    look: Callable[[], bool], what: str, within_s: float = 60.0, every_s: float = LOOK_S
) -> float:
    """Ask, in a thread, until the answer is yes; how long that took in seconds. CaseFailed past the bound."""
    begun = time.monotonic()
    while not await asyncio.to_thread(look):
        if time.monotonic() - begun > within_s:
            raise CaseFailed(f"not within {within_s:.0f} s: {what}")
        await asyncio.sleep(every_s)
    return time.monotonic() - begun
