"""How far each fold is behind the log, as the worker last told: what `/readyz` and `reelfold status` say.

    g{n}:lag      hash: fold|topic|partition -> {"position", "end", "at"} as JSON; "lost" where it applies
    g{n}:whole    there while Redis holds all that the folds ever put into this generation

It is told beside the folds and not in their transactions. Where Redis holds the fold's position too, what is
told is never ahead of it: a Redis that lost data is not called up to date. A Redis that is emptied loses the
mark with its data; it is set again when every fold stands where it stood, and until then nothing that is
read of this generation can be believed.
"""

import asyncio
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


_TELL = """
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
local told = redis.call('HVALS', KEYS[1])
if #told < tonumber(ARGV[1]) then return end
for _, said in ipairs(told) do
  if string.find(said, '"lost"', 1, true) then redis.call('DEL', KEYS[2]) return end
end
redis.call('SET', KEYS[2], 1)
"""


def whole(generation: int) -> str:
    """The key of the mark that a generation is whole."""
    return key(generation, "whole")


class RedisLagWrites:
    """LagWrites of one generation. The worker knows its folds' places by heart, which outlives their store:
    a position that once stood in Redis and is gone is told as 0.

    ``places``: how many folds and partitions there are, over all workers; a generation of which fewer were
    told is not called whole.
    """

    def __init__(self, client: redis.Redis, generation: int, places: int = 1) -> None:
        self._client = client
        self._generation = generation
        self._places = places
        self._key = key(generation, "lag")
        self._stood: dict[tuple[str, str, int], int] = {}
        """Where folds stood in Redis when that was last whole."""

    def tell(self, lags: Sequence[FoldLag]) -> None:
        if not lags:
            return
        told: list[str | bytes] = []
        for one, lost in self._checked(lags):
            said = {"position": one.position, "end": one.end, "at": one.at}
            said |= {"lost": lost} if lost else {}
            told += [f"{one.fold}|{one.topic}|{one.partition}", orjson.dumps(said)]
        with store_errors():
            script = self._client.register_script(_TELL)
            script(keys=[self._key, whole(self._generation)], args=[self._places, *told])

    def _checked(self, lags: Sequence[FoldLag]) -> Iterator[tuple[FoldLag, int]]:
        """Each as Redis bears it out, and how many records it had folded that are to be folded again."""
        names = [key(self._generation, "position", *map(str, _place(one))) for one in lags]
        with store_errors():
            mark, *stored = self._client.mget([whole(self._generation), *names])
        for one, position in zip(lags, stored, strict=True):
            place, stands = _place(one), int(position or 0)
            stood = self._stood.get(place, 0)
            if position is not None and (mark is not None or stands > stood):
                # A step back beside the mark (a second that was not on disk yet) is folded again at once.
                stood = self._stood[place] = stands
            kept = place in self._stood
            yield (replace(one, position=min(one.position, stands)) if kept else one), max(0, stood - stands)


class RedisLagReads:
    """LagReads of one generation; an answer is given again for ``life_s``, since every feed page asks."""

    def __init__(self, client: redis.asyncio.Redis, generation: int, life_s: float = 0.5) -> None:
        self._client = client
        self._key = key(generation, "lag")
        self._life_s = life_s
        self._asked: tuple[float, list[FoldLag]] = (float("-inf"), [])
        self._asking: asyncio.Task[list[FoldLag]] | None = None

    async def lags(self) -> list[FoldLag]:
        at, held = self._asked
        if time.monotonic() < at + self._life_s:
            return held
        if self._asking is None or self._asking.done():  # once, however many want to know
            self._asking = asyncio.get_running_loop().create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> list[FoldLag]:
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
