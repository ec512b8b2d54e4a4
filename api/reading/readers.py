"""The readers that a request reads from: all of one generation, the one that is live.

The pointer to the live generation is read once per request, so that no answer mixes two of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import redis.asyncio

from projections.catalog.store import CatalogReads
from projections.engagement.store import EngagementReads
from projections.feed.store import FeedReads
from projections.graph.store import GraphReads
from projections.lag import LagReads, whole
from projections.live import FIRST, LIVE_GENERATION
from projections.position import StoreUnavailable
from projections.redis_ledger import store_errors
from projections.seen.store import SeenReads
from projections.trending.store import TrendingReads


@dataclass(frozen=True, slots=True)
class Readers:
    """One generation's read sides."""

    generation: int
    catalog: CatalogReads
    graph: GraphReads
    engagement: EngagementReads
    feed: FeedReads
    seen: SeenReads
    trending: TrendingReads
    lag: LagReads


class ReadSource(Protocol):
    """Where a request gets its readers."""

    async def live(self) -> Readers:
        """The live generation's readers. Raises StoreUnavailable."""
        ...


class Refilling(StoreUnavailable):
    """The store lost what it held of the live generation; workers are filling it again from the log."""

    def __init__(self, readers: Readers) -> None:
        super().__init__(f"generation {readers.generation} lost its data and is being filled again")
        self.readers = readers


class RedisReadSource:
    """Readers by the pointer in Redis; those of a generation are made once (api.reading.redis_readers).

    A generation that once was whole (projections/lag.py) and is not any more is not read: what is missing
    would be answered as if it had never been. Raises Refilling then.
    """

    def __init__(self, client: redis.asyncio.Redis, readers: Callable[[int], Readers]) -> None:
        self._client = client
        self._readers = readers
        self._last = FIRST
        self._whole: set[int] = set()

    async def live(self) -> Readers:
        asked = self._last  # another request may see the pointer move while this one waits
        with store_errors():
            pointer, mark = await self._client.mget(LIVE_GENERATION, whole(asked))
            generation = asked if pointer is None else int(pointer)
            if generation != asked:
                mark = await self._client.get(whole(generation))
        self._last = generation
        readers = self._readers(generation)
        if mark is not None:
            self._whole.add(generation)
        elif generation in self._whole:
            raise Refilling(readers)
        return readers


class FixedReadSource:
    """Always these readers: the twin for tests and for a stack of memory stores."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def live(self) -> Readers:
        return self._readers
