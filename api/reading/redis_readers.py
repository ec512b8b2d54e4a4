"""The readers over Redis: what the API's composition root hands to RedisReadSource."""

from collections.abc import Callable
from functools import lru_cache

import redis.asyncio

from api.reading.readers import Readers
from infra.settings import Settings
from projections.catalog.redis import RedisCatalogReads
from projections.engagement.redis import RedisEngagementReads
from projections.feed.redis import RedisFeedReads
from projections.graph.redis import RedisGraphReads
from projections.lag import RedisLagReads
from projections.seen.redis import RedisSeenReads
from projections.trending.redis import RedisTrendingReads

USERS_LIFE_S = 1.0
"""How old an account's name and picture beside a video may be: what a cache in between may hold, too."""


def redis_readers(client: redis.asyncio.Redis, settings: Settings) -> Callable[[int], Readers]:
    """The readers of a generation, over one client built with ``decode_responses=True``."""

    @lru_cache(maxsize=8)
    def readers(generation: int) -> Readers:
        return Readers(
            generation=generation,
            catalog=RedisCatalogReads(client, generation, USERS_LIFE_S),
            graph=RedisGraphReads(client, generation),
            engagement=RedisEngagementReads(client, generation),
            feed=RedisFeedReads(client, generation, settings.feed_cap),
            seen=RedisSeenReads(client, generation),
            trending=RedisTrendingReads(client, generation),
            lag=RedisLagReads(client, generation),
        )

    return readers
