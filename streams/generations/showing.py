"""What a generation says of a video, a user, the trends: also one that nobody reads, such as the log up to a
moment (`reelfold replay --to-time`)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import redis.asyncio

from infra.clients import async_redis_client
from infra.clock import iso
from infra.settings import Settings
from projections.analytics.clickhouse_reads import ClickHouseAnalyticsReads
from projections.catalog.redis import RedisCatalogReads
from projections.engagement.redis import RedisEngagementReads
from projections.feed.redis import RedisFeedReads
from projections.trending.redis import RedisTrendingFold, RedisTrendingReads
from projections.trending.store import Window
from streams.generations.generations import Refused
from streams.generations.operating import Operator
from streams.generations.standing import bounds

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer of one generation. ``clock``: the broker's time of the newest record counted, or 0."""

    generation: int
    clock: int
    answer: Any

    def document(self) -> dict[str, Any]:
        """For machines."""
        until = iso(self.clock) if self.clock else None
        return {"generation": self.generation, "folded_until": until, "answer": self.answer}


def counts(operator: Operator, generation: int, video_id: str) -> Shown:
    """Both stores' counts of a video. Raises Refused, StoreUnavailable."""
    settings = operator.settings
    tables = ClickHouseAnalyticsReads(operator.clickhouse, generation, settings.clickhouse_database)

    async def ask(client: redis.asyncio.Redis) -> dict[str, Any]:
        (here,) = await RedisEngagementReads(client, generation).counts([video_id])
        (there,) = await tables.counts([video_id])
        (video,) = await RedisCatalogReads(client, generation).videos([video_id])
        state = None if video is None else video.state
        return {"video_id": video_id, "state": state, "redis": asdict(here), "clickhouse": asdict(there)}

    return _shown(operator, generation, ask)


def feed(operator: Operator, generation: int, user_id: str, limit: int) -> Shown:
    """The newest of a user's following feed. Raises Refused, StoreUnavailable."""

    async def ask(client: redis.asyncio.Redis) -> list[dict[str, Any]]:
        found = await RedisFeedReads(client, generation, operator.settings.feed_cap).following(
            user_id, None, limit
        )
        return [{"video_id": video, "published_at": at} for at, video in found]

    return _shown(operator, generation, ask)


def trending(operator: Operator, generation: int, window: Window, limit: int) -> Shown:
    """The trends at the generation's own clock: ranked now, for nobody may have. Raises as the others."""
    fold = RedisTrendingFold(operator.redis, generation)
    fold.rank(fold.clock())

    async def ask(client: redis.asyncio.Redis) -> list[dict[str, Any]]:
        found = await RedisTrendingReads(client, generation).top(window, None, limit)
        return [{"video_id": video, "score": round(score, 3)} for score, video in found]

    return _shown(operator, generation, ask)


def _shown(operator: Operator, generation: int, ask: Callable[[redis.asyncio.Redis], Awaitable[T]]) -> Shown:
    if not operator.standing(generation, bounds(operator.settings)).positions:
        raise Refused(f"there is no generation {generation}: see `reelfold generations`")
    clock = RedisTrendingFold(operator.redis, generation).clock()
    return Shown(generation, clock, asyncio.run(_asked(operator.settings, ask)))


async def _asked(settings: Settings, ask: Callable[[redis.asyncio.Redis], Awaitable[T]]) -> T:
    client = async_redis_client(settings, connections=2)
    try:
        return await ask(client)
    finally:
        await client.aclose(close_connection_pool=True)
