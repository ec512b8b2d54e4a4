"""Standing still on purpose, so that two generations can be compared at one position vector.

    g{n}:hold    {"at": {"topic/partition": offset} or null, "by": run id}, with a time to live

null: every fold stands where it is. With offsets: folds go on up to exactly there (a batch is cut), then
stand; what is not named is not held. Reads go on all the while; when whoever holds dies, the key runs out.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import redis

from infra.telemetry import Log
from projections.position import StoreUnavailable
from projections.redis_ledger import key, store_errors
from streams.folding.progress import Key

_log = Log("streams")
LOOK_S = 0.2
FREE: Callable[[Key], int | None] = lambda _: None  # noqa: E731 - a hold that never holds


@dataclass(frozen=True, slots=True)
class Hold:
    """A wish to stand still. ``at``: up to which offset folds may go; None for not a step further."""

    at: Mapping[Key, int] | None
    by: str

    def text(self) -> str:
        """As it stands in Redis."""
        at = None if self.at is None else {f"{t}/{p}": offset for (t, p), offset in self.at.items()}
        return json.dumps({"at": at, "by": self.by})

    @classmethod
    def of(cls, text: str) -> "Hold":
        """What `text` wrote."""
        said = json.loads(text)
        at = said["at"] and {_key(place): int(offset) for place, offset in said["at"].items()}
        return cls(at, str(said["by"]))


def place_hold(client: redis.Redis, generation: int, hold: Hold, seconds: float) -> None:
    """Hold a generation for at most so long. Raises StoreUnavailable."""
    with store_errors():
        client.set(key(generation, "hold"), hold.text(), px=max(1, round(1000 * seconds)))


def release(client: redis.Redis, generation: int, by: str) -> None:
    """End a hold of this run; another run's stays. Raises StoreUnavailable."""
    found = held(client, generation)
    if found is not None and found.by == by:
        with store_errors():
            client.delete(key(generation, "hold"))


def held(client: redis.Redis, generation: int) -> Hold | None:
    """The hold of a generation, if there is one. Raises StoreUnavailable."""
    with store_errors():
        text = client.get(key(generation, "hold"))
    return Hold.of(str(text)) if text else None


class HoldWatch(threading.Thread):
    """Looks at the generation's hold again and again; the folds ask `bound` before every step."""

    def __init__(self, client: redis.Redis, generation: int) -> None:
        super().__init__(name="hold", daemon=True)
        self._client, self._generation = client, generation
        self._hold: Hold | None = None
        self._stop = threading.Event()

    def bound(self, place: Key) -> int | None:
        """Up to which offset this partition may be folded; 0 for not at all, None for as far as it goes."""
        hold = self._hold
        if hold is None:
            return None
        return 0 if hold.at is None else hold.at.get(place)

    def run(self) -> None:
        while not self._stop.wait(LOOK_S):
            self.look()

    def look(self) -> None:
        """Look once. A Redis that is away holds nobody: its hold would have run out too."""
        before = self._hold
        try:
            self._hold = held(self._client, self._generation)
        except (StoreUnavailable, ValueError, KeyError, TypeError) as error:
            _log.debug("sink_unavailable", detail=str(error))
            self._hold = None
        if self._hold != before:
            _log.info("held" if self._hold else "released", generation=self._generation)

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()


def _key(place: str) -> Key:
    topic, _, partition = place.rpartition("/")
    return topic, int(partition)
