"""Time and fresh ids: the only place that reads the machine's clock or its randomness."""

import os
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the edges get time from. Folds get it as an argument, from the log."""

    def now_ms(self) -> int:
        """Epoch milliseconds."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class HandClock:
    """A clock moved by hand: the twin for tests."""

    def __init__(self, now_ms: int = 1_800_000_000_000) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def advance(self, ms: int) -> None:
        """Move forward by this many milliseconds."""
        self._now_ms += ms


def new_event_id(now_ms: int) -> str:
    """A UUIDv7 (RFC 9562): 48 bits of epoch ms, then randomness; sorts by time."""
    digits = f"{now_ms & (1 << 48) - 1:012x}"
    random = _random()
    variant = "89ab"[int(random[3], 16) & 3]
    return f"{digits[:8]}-{digits[8:]}-7{random[:3]}-{variant}{random[4:7]}-{random[7:19]}"


_DRAWN: list[str] = []
_AT_ONCE = 256
os.register_at_fork(after_in_child=_DRAWN.clear)


def _random() -> str:
    """Twenty digits. Drawn for many ids at once: a system call for each was a twentieth of a feed page. A
    process that is forked off draws its own."""
    try:
        return _DRAWN.pop()
    except IndexError:
        digits = os.urandom(10 * _AT_ONCE).hex()
        _DRAWN.extend(digits[at : at + 20] for at in range(20, len(digits), 20))
        return digits[:20]


def iso(now_ms: int) -> str:
    """Epoch milliseconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
