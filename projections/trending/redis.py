"""Trends in Redis.

    g{n}:trend:5m:{number}    sorted set: video -> weight, of five minutes
    g{n}:trend:1h:{number}    sorted set: video -> weight, of an hour
    g{n}:trend:buckets        sorted set: "5m:{number}" or "1h:{number}" of the buckets there are, by start
    g{n}:trend:clocks         sorted set: "topic:partition" by its stream clock
    g{n}:trend:rank:{window}  sorted set: the top 1,000, video -> score; made by redis_ranking.py

Buckets are the fold's state; ranks are made of them anew each time, and may be lost.
"""

from time import monotonic
from typing import Any

import redis
import redis.asyncio

from projections.recent import RecentRecords, Remembering
from projections.redis_fold import ApartFold
from projections.redis_ledger import Argument, Command, key, store_errors
from projections.trending.fold import (
    NAME,
    SIZES,
    TOPICS,
    WINDOWS,
    Bucket,
    added,
    countable,
    decay,
    outdated,
    starts_at,
)
from projections.trending.redis_ranking import SHARDS, end_turn, rank, ranked, shard_of, take_turn
from projections.trending.store import Ranked, Window
from schemas.batch import Records


class RedisTrendingFold(Remembering, ApartFold):
    """Trending's write side, and the ranking of what it wrote."""

    name = NAME
    topics = TOPICS

    def __init__(self, client: redis.Redis, generation: int, recent_window_ms: int = 3_600_000) -> None:
        super().__init__(client, generation)
        self.remembers(RecentRecords(recent_window_ms, countable))

    def commands(self, batch: Records) -> list[Command]:
        key = self.ledger.key
        ticked: list[Argument] = []
        for span in batch.spans:
            ticked += (span.clock, f"{batch.topic}:{span.partition}")
        commands: list[Command] = [("ZADD", key("trend", "clocks"), "GT", *ticked)]
        for bucket, weights in added(self.recent.fresh(batch)).items():
            commands.append(("ZADD", key("trend", "buckets"), starts_at(bucket), _named(bucket)))
            shards = self._shards(bucket)
            commands += [
                ("ZINCRBY", shards[shard_of(video)], weight, video) for video, weight in weights.items()
            ]
        return commands

    def clock(self) -> int:
        """The stream clock of all partitions: the greatest, epoch ms; 0 when nothing was folded."""
        with store_errors():
            last = self.ledger.client.zrange(
                self.ledger.key("trend", "clocks"), 0, 0, desc=True, withscores=True
            )
        return int(last[0][1]) if last else 0

    def rank(self, now_clock: int) -> None:
        """Rank every window at this stream clock and drop what is outdated. Idempotent.

        Readers see a rank whole. May raise StoreUnavailable.
        """
        for size in SIZES:
            self._rank(size, now_clock)

    def rank_in_turn(self, size: str) -> None:
        """Rank the windows of this size of bucket at the stream clock, unless it was just done: by any
        worker. May raise StoreUnavailable.
        """
        if take_turn(self.ledger, size):
            began = monotonic()
            self._rank(size, self.clock())
            end_turn(self.ledger, size, monotonic() - began)

    def _rank(self, size: str, clock: int) -> None:
        with store_errors():
            held = [bucket for bucket in self._buckets() if bucket[0] == size]
        for window, (of, _) in WINDOWS.items():
            if of.name == size:
                worths = decay(window, clock)
                rank(self.ledger, window, {one: worths[one] for one in held if one in worths})
        with store_errors():
            self._drop([bucket for bucket in held if outdated(bucket, clock)])

    def _drop(self, buckets: list[Bucket]) -> None:
        for bucket in buckets:
            with self.ledger.client.pipeline(transaction=True) as pipe:
                pipe.unlink(*self._shards(bucket))
                pipe.zrem(self.ledger.key("trend", "buckets"), _named(bucket))
                pipe.execute()

    def _shards(self, bucket: Bucket) -> list[str]:
        prefix = self.ledger.key("trend", *bucket, "")
        return [f"{prefix}{shard}" for shard in range(SHARDS)]

    def _buckets(self) -> list[Bucket]:
        found = (
            str(one).split(":")
            for one in self.ledger.client.zrange(self.ledger.key("trend", "buckets"), 0, -1)
        )
        return [(size, int(number)) for size, number in found]

    def snapshot(self) -> dict[str, Any]:
        """The buckets in canonical form, equal to that of the memory twin over the same facts."""
        client, clock = self.ledger.client, self.clock()
        held: dict[str, dict[str, int]] = {}
        for bucket in self._buckets():
            if not outdated(bucket, clock):
                shards = [client.zrange(shard, 0, -1, withscores=True) for shard in self._shards(bucket)]
                weights = [one for shard in shards for one in ranked(shard)]
                held[f"trend:{_named(bucket)}"] = {video: int(weight) for weight, video in weights}
        return held


class RedisTrendingReads:
    """TrendingReads of one generation. Methods may raise StoreUnavailable."""

    def __init__(self, client: redis.asyncio.Redis, generation: int) -> None:
        self._client = client
        self._generation = generation

    async def top(self, window: Window, before: Ranked | None, limit: int) -> list[Ranked]:
        name = key(self._generation, "trend", "rank", window)
        with store_errors():
            if before is None:
                return ranked(await self._client.zrange(name, 0, limit - 1, desc=True, withscores=True))
            score, video = before
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.zrevrangebyscore(name, score, score, withscores=True)
                pipe.zrevrangebyscore(name, f"({score!r}", "-inf", start=0, num=limit, withscores=True)
                ties, lower = await pipe.execute()
        return [*(item for item in ranked(ties) if item[1] < video), *ranked(lower)][:limit]


def _named(bucket: Bucket) -> str:
    return f"{bucket[0]}:{bucket[1]}"
