"""The topology as a table: which folds hang on which sink, and how each is built for a generation."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import redis
from clickhouse_connect.driver.exceptions import ClickHouseError

from infra.clients import clickhouse_client, redis_client
from infra.failpoints import reach
from infra.settings import Settings
from projections.analytics.clickhouse import ClickHouseAnalyticsFold
from projections.catalog.redis import RedisCatalogFold
from projections.engagement.redis import RedisEngagementFold
from projections.feed.redis import RedisFeedFold
from projections.graph.redis import RedisGraphFold
from projections.position import FoldsTogether, FoldsTopics, FoldStore, StoreUnavailable
from projections.renditions.redis import RedisRenditionsFold
from projections.seen.redis import RedisSeenFold
from projections.trending.redis import RedisTrendingFold
from schemas.batch import RecordBatch, TopicBatch
from schemas.topics import BY_NAME

REDIS, CLICKHOUSE = "redis", "clickhouse"
PARKS = CLICKHOUSE
"""The sink whose lane parks what cannot be read: the one that reads every topic."""


def every_fold(settings: Settings, generation: int) -> Mapping[str, tuple[FoldStore, ...]]:
    """Sink -> its folds, in this generation. Nothing connects before it is used."""
    return {
        REDIS: redis_folds(redis_client(settings), settings, generation),
        CLICKHOUSE: (_analytics(settings, generation),),
    }


def redis_folds(client: "redis.Redis", settings: Settings, generation: int) -> tuple[FoldStore, ...]:
    """The folds of the Redis sink over one client, whose connections its threads share."""
    window_ms = settings.recent_window_s * 1000
    return (
        RedisCatalogFold(client, generation),
        RedisGraphFold(client, generation),
        RedisEngagementFold(client, generation, window_ms),
        RedisFeedFold(client, generation, settings.celebrity_followers, settings.feed_cap),
        RedisSeenFold(client, generation),
        RedisTrendingFold(client, generation, window_ms),
        RedisRenditionsFold(client, generation),
    )


def _analytics(settings: Settings, generation: int) -> "LateFold":
    def build() -> FoldStore:
        try:
            client = clickhouse_client(settings)
        except ClickHouseError as error:
            raise StoreUnavailable(f"clickhouse does not answer: {error}") from error
        name, between = settings.clickhouse_database, lambda: reach("after_rows")
        return ClickHouseAnalyticsFold(client, generation, name, inserted=between)

    return LateFold(ClickHouseAnalyticsFold.name, ClickHouseAnalyticsFold.topics, build)


class LateFold:
    """A fold whose client connects when it is made: it is made at first use, so that a worker starts
    while the store is away. ``build`` raises StoreUnavailable."""

    history_ms = 0

    def __init__(self, name: str, topics: tuple[str, ...], build: Callable[[], FoldStore]) -> None:
        self.name = name
        self.topics = topics
        self._build = build
        self._made: FoldStore | None = None
        self._in_bulk = False

    def position(self, topic: str, partition: int) -> int | None:
        return self._fold().position(topic, partition)

    def stream_clock(self, topic: str, partition: int) -> int:
        return self._fold().stream_clock(topic, partition)

    def forget(self, topic: str, partition: int) -> None:
        if self._made is not None:
            self._made.forget(topic, partition)

    def warm(self, batch: RecordBatch) -> None:
        self._fold().warm(batch)

    def apply(self, batch: RecordBatch, expected: int | None) -> None:
        self._fold().apply(batch, expected)

    def apply_together(self, batch: TopicBatch, expected: Sequence[int | None]) -> None:
        fold = self._fold()
        if not isinstance(fold, FoldsTogether):
            raise TypeError(f"{self.name} cannot fold partitions together")
        fold.apply_together(batch, expected)

    def apply_topics(self, batches: Sequence[TopicBatch], expected: Sequence[Sequence[int | None]]) -> None:
        fold = self._fold()
        if not isinstance(fold, FoldsTopics):
            raise TypeError(f"{self.name} cannot fold topics together")
        fold.apply_topics(batches, expected)

    def in_bulk(self) -> None:
        """See `in_bulk`."""
        self._in_bulk = True
        if self._made is not None:
            in_bulk([self._made])

    def close(self) -> None:
        """Let the fold finish what it does beside its batches."""
        close = getattr(self._made, "close", None)
        if close is not None:
            close()

    def _fold(self) -> FoldStore:
        if self._made is None:
            self._made = self._build()
            if self._in_bulk:
                in_bulk([self._made])
        return self._made


def in_bulk(folds: Iterable[FoldStore]) -> None:
    """Let these write in few large steps, where a fold knows how: into a generation that nobody reads."""
    for fold in folds:
        if (told := getattr(fold, "in_bulk", None)) is not None:
            told()


def looked_at(folds: Iterable[FoldStore]) -> frozenset[str]:
    """The event types that any of these folds looks at: all of its topics', where a fold does not say."""
    found: set[str] = set()
    for fold in folds:
        told: frozenset[str] | None = getattr(fold, "events", None)
        found.update(told or (name for topic in fold.topics for name in BY_NAME[topic].events))
    return frozenset(found)


def places(sinks: Mapping[str, Sequence[FoldStore]]) -> int:
    """In how many partitions folds stand, all of them added up."""
    every = [fold for members in sinks.values() for fold in members]
    return sum(BY_NAME[topic].partitions for fold in every for topic in fold.topics)
