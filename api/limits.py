"""Bounds of the door: sizes, and how fast one caller may post."""

from collections import OrderedDict

from infra.clock import Clock

MAX_EVENTS = 500
MAX_BODY = 1 << 20
MAX_INFLATED = 8 << 20
MAX_EVENT = 64 << 10
MAX_DEPTH = 4
MAX_IN_FLIGHT = 64 << 20
BODY_SECONDS = 15.0
PRINCIPALS = 50_000
UPLOAD_TOKENS = 100
"""What opening an upload takes out of its caller's bucket, in events: it promises half a gigabyte."""


class TokenBuckets:
    """A token bucket for each principal; the least recently seen are dropped (they come back full)."""

    def __init__(self, rate_per_second: float, burst: int, clock: Clock) -> None:
        self._rate = rate_per_second / 1_000
        self._burst = float(burst)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait_ms(self, who: str, tokens: int) -> int:
        """How long until this many tokens are there, in ms; 0 when they are. Takes none."""
        held = self._buckets.get(who)
        if held is None or held[0] >= tokens:  # a level only rises: nobody need ask what time it is
            return 0
        return self._wait(tokens, self._level(who, self._clock.now_ms()))

    def take(self, who: str, tokens: int) -> int:
        """Take the tokens and return 0, or take none and return the ms to wait.

        More than the burst can never be there at once: it costs the whole bucket.
        """
        now_ms = self._clock.now_ms()
        level = self._level(who, now_ms)
        if wait := self._wait(tokens, level):
            return wait
        self._buckets[who] = (level - min(float(tokens), self._burst), now_ms)
        self._buckets.move_to_end(who)
        if len(self._buckets) > PRINCIPALS:
            self._buckets.popitem(last=False)
        return 0

    def _wait(self, tokens: int, level: float) -> int:
        missing = min(float(tokens), self._burst) - level
        return max(0, round(missing / self._rate + 0.5)) if missing > 0 else 0

    def _level(self, who: str, now_ms: int) -> float:
        held = self._buckets.get(who)
        if held is None:
            return self._burst
        level, since = held
        return min(self._burst, level + max(0, now_ms - since) * self._rate)


class InFlight:
    """Bytes of request bodies held at this moment: past the bound new ones are turned away."""

    def __init__(self, bound: int = MAX_IN_FLIGHT) -> None:
        self._bound = bound
        self.held = 0

    def admit(self, size: int) -> bool:
        """Count the bytes in, unless that would pass the bound."""
        if self.held + size > self._bound:
            return False
        self.held += size
        return True

    def release(self, size: int) -> None:
        """Count them out again."""
        self.held -= size
