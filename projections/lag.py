"""How far each fold is behind the log, as the worker last told: what `/readyz` and `reelfold status` say.

    g{n}:lag    hash: fold|topic|partition -> {"position", "end", "at"} as JSON

It is told beside the folds and not in their transactions: nothing is decided by it. Where Redis holds
the fold's position too, what is told is never ahead of it: a Redis that lost data is not called up to date.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import orjson
import redis
import redis.asyncio

from projections.redis_ledger import key, store_errors


@dataclass(frozen=True, slots=True)
class FoldLag:
    """A fold's place in a partition at a moment (epoch ms): its next offset, and the log's end."""

    fold: str
    topic: str
    partition: int
    position: int
    end: int
    at: int

    @property
    def lag(self) -> int:
        """Records that are in the log and not yet folded."""
        return max(0, self.end - self.position)


class LagReads(Protocol):
    """One generation's lags, read without blocking. May raise StoreUnavailable."""

    async def lags(self) -> list[FoldLag]:
        """The latest of every fold and partition, by name; none when no worker ever told."""
        ...


class LagWrites(Protocol):
    """Where a worker tells its folds' lags. Called from a thread. May raise StoreUnavailable."""

    def tell(self, lags: Sequence[FoldLag]) -> None:
        """Put these in the place of what was told of the same fold and partition."""
        ...


class MemoryLag:
    """LagReads and LagWrites in a dict: the twin."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str, int], FoldLag] = {}

    def tell(self, lags: Sequence[FoldLag]) -> None:
        self._told |= {(one.fold, one.topic, one.partition): one for one in lags}

    async def lags(self) -> list[FoldLag]:
        return [self._told[place] for place in sorted(self._told)]


class RedisLagWrites:
    """LagWrites of one generation. The worker knows its folds' places by heart, which outlives their store:
    a position that once stood in Redis and is gone is told as 0."""

    def __init__(self, client: redis.Redis, generation: int) -> None:
        self._client = client
        self._generation = generation
        self._key = key(generation, "lag")
        self._kept: set[tuple[str, str, int]] = set()

    def tell(self, lags: Sequence[FoldLag]) -> None:
        if not lags:
            return
        told: list[str | bytes] = []
        for one in self._checked(lags):
            said = {"position": one.position, "end": one.end, "at": one.at}
            told += [f"{one.fold}|{one.topic}|{one.partition}", orjson.dumps(said)]
        with store_errors():
            self._client.hset(self._key, items=told)

    def _checked(self, lags: Sequence[FoldLag]) -> Iterator[FoldLag]:
        names = [key(self._generation, "position", *map(str, _place(one))) for one in lags]
        with store_errors():
            stored = self._client.mget(names)
        for one, position in zip(lags, stored, strict=True):
            if position is not None:
                self._kept.add(_place(one))
            kept = _place(one) in self._kept
            yield replace(one, position=min(one.position, int(position or 0))) if kept else one


class RedisLagReads:
    """LagReads of one generation; an answer is given again for ``life_s``, since every feed page asks."""

    def __init__(self, client: redis.asyncio.Redis, generation: int, life_s: float = 0.5) -> None:
        self._client = client
        self._key = key(generation, "lag")
        self._life_s = life_s
        self._asked: tuple[float, list[FoldLag]] = (float("-inf"), [])

    async def lags(self) -> list[FoldLag]:
        at, held = self._asked
        if time.monotonic() < at + self._life_s:
            return held
        with store_errors():
            told = await self._client.hgetall(self._key)
        found = sorted((_lag(place, text) for place, text in told.items()), key=_place)
        self._asked = time.monotonic(), found
        return found


def _lag(place: str | bytes, text: str | bytes) -> FoldLag:
    fold, topic, partition = str(place).split("|")
    said = orjson.loads(text)
    return FoldLag(fold, topic, int(partition), said["position"], said["end"], said["at"])


def _place(one: FoldLag) -> tuple[str, str, int]:
    return one.fold, one.topic, one.partition
