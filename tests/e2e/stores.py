"""What the stores hold of a generation, and whether it is all that the log holds."""

import asyncio
from typing import Any, cast

from confluent_kafka import Consumer, TopicPartition

from infra.clients import async_redis_client, clickhouse_client, redis_client
from infra.kafka.config import consumer
from infra.settings import Settings
from projections.renditions.redis import RedisRenditionsFold, RedisRenditionsReads
from streams.folds import every_fold, redis_folds
from tests.e2e.waiting import until_true

Place = tuple[str, int]
TABLES = {
    "events": "*",
    "video_views": "*",
    "edges": "*",
    "impressions": "*",
}


def ends(settings: Settings) -> dict[Place, int]:
    """The log's end in every partition of every topic."""
    reader = Consumer(consumer(settings, "reelfold.test.ends"))
    try:
        topics = reader.list_topics(timeout=10).topics
        return {
            (name, number): int(reader.get_watermark_offsets(TopicPartition(name, number), 10)[1])
            for name, topic in topics.items()
            if name.startswith("rf.")
            for number in topic.partitions
        }
    finally:
        reader.close()


async def caught_up(settings: Settings, generation: int = 1, within_s: float = 60.0) -> None:
    """Wait until every fold stands at the log's end in every partition."""
    folds = [fold for members in every_fold(settings, generation).values() for fold in members]

    def at_end() -> bool:
        return all(
            (fold.position(*place) or 0) == end
            for place, end in ends(settings).items()
            for fold in folds
            if place[0] in fold.topics
        )

    await until_true(at_end, f"the folds of generation {generation} are at the log's end", within_s)


async def in_redis(settings: Settings, generation: int = 1) -> dict[str, Any]:
    """Every Redis fold's content in canonical form."""
    found = await asyncio.to_thread(_snapshots, settings, generation)
    client = async_redis_client(settings, connections=2)
    try:
        found["renditions"] = await RedisRenditionsReads(client, generation).snapshot()
    finally:
        await client.aclose(close_connection_pool=True)
    return found


def in_clickhouse(settings: Settings, generation: int = 1) -> dict[str, tuple[int, int]]:
    """Rows of each table, each once, and a sum over the hashes of their content."""
    client = clickhouse_client(settings)
    try:
        found = {}
        for table, columns in TABLES.items():
            name = f"{settings.clickhouse_database}.{table}_g{generation}"
            rows = client.query(f"SELECT count(), sum(cityHash64({columns})) FROM {name} FINAL").result_rows
            found[table] = (int(rows[0][0]), int(rows[0][1]))
        return found
    finally:
        client.close()


def _snapshots(settings: Settings, generation: int) -> dict[str, Any]:
    client = redis_client(settings)
    try:
        return {
            fold.name: cast(Any, fold).snapshot()
            for fold in redis_folds(client, settings, generation)
            if not isinstance(fold, RedisRenditionsFold)
        }
    finally:
        client.close()
