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
from projections.lag import LagReads
from projections.live import FIRST, LIVE_GENERATION
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


class RedisReadSource:
    """Readers by the pointer in Redis; those of a generation are made once (api.redis_readers)."""

    def __init__(self, client: redis.asyncio.Redis, readers: Callable[[int], Readers]) -> None:
        self._client = client
        self._readers = readers

    async def live(self) -> Readers:
        with store_errors():
            pointer = await self._client.get(LIVE_GENERATION)
        return self._readers(int(pointer or FIRST))


class FixedReadSource:
    """Always these readers: the twin for tests and for a stack of memory stores."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def live(self) -> Readers:
        return self._readers
