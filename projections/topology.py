"""Every fold and what it reads: who asks which folds have seen a record need not build them."""

from collections.abc import Mapping

from projections.analytics.clickhouse import ClickHouseAnalyticsFold
from projections.catalog.redis import RedisCatalogFold
from projections.engagement.redis import RedisEngagementFold
from projections.feed.redis import RedisFeedFold
from projections.graph.redis import RedisGraphFold
from projections.renditions.redis import RedisRenditionsFold
from projections.seen.redis import RedisSeenFold
from projections.trending.redis import RedisTrendingFold

IN_REDIS: Mapping[str, tuple[str, ...]] = {
    fold.name: fold.topics
    for fold in (
        RedisCatalogFold,
        RedisGraphFold,
        RedisEngagementFold,
        RedisFeedFold,
        RedisSeenFold,
        RedisTrendingFold,
        RedisRenditionsFold,
    )
}
"""The folds whose positions are keys in Redis -> the topics they read."""
TOPICS_OF: Mapping[str, tuple[str, ...]] = {
    **IN_REDIS,
    ClickHouseAnalyticsFold.name: ClickHouseAnalyticsFold.topics,
}
"""All of them."""
