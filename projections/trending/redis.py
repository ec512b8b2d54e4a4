"""Trends in Redis.

    g{n}:trend:5m:{number}    sorted set: video -> weight, of five minutes
    g{n}:trend:1h:{number}    sorted set: video -> weight, of an hour
    g{n}:trend:buckets        sorted set: "5m:{number}" or "1h:{number}" of the buckets there are, by start
    g{n}:trend:clocks         sorted set: "topic:partition" by its stream clock
    g{n}:trend:rank:{window}  sorted set: the top 1,000, video -> score; made by `rank`

Buckets are the fold's state; ranks are made of them anew each time, and may be lost.
"""

from typing import Any

import redis
import redis.asyncio

from projections.recent import RecentRecords, Remembering
from projections.redis_fold import RedisFold
from projections.redis_ledger import Argument, Command, key, store_errors
from projections.trending.fold import (
    NAME,
    TOP,
    TOPICS,
    WINDOWS,
    Bucket,
    added,
    countable,
    decay,
    outdated,
    starts_at,
)
from projections.trending.store import Ranked, Window
from schemas.batch import Records


class RedisTrendingFold(Remembering, RedisFold):
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
            name = key("trend", *bucket)
            commands += [("ZINCRBY", name, weight, video) for video, weight in weights.items()]
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
        with store_errors():
            for window in WINDOWS:
                self._rank(window, now_clock)
            self._drop([bucket for bucket in self._buckets() if outdated(bucket, now_clock)])

    def _rank(self, window: Window, clock: int) -> None:
        key = self.ledger.key
        rank = key("trend", "rank", window)
        worths = {key("trend", *bucket): worth for bucket, worth in decay(window, clock).items()}
        with self.ledger.client.pipeline(transaction=True) as pipe:
            pipe.zunionstore(rank, worths)
            pipe.zremrangebyrank(rank, 0, -TOP - 1)
            pipe.execute()

    def _drop(self, buckets: list[Bucket]) -> None:
        if not buckets:
            return
        with self.ledger.client.pipeline(transaction=True) as pipe:
            pipe.unlink(*(self.ledger.key("trend", *bucket) for bucket in buckets))
            pipe.zrem(self.ledger.key("trend", "buckets"), *map(_named, buckets))
            pipe.execute()

    def _buckets(self) -> list[Bucket]:
        found = (
            str(one).split(":")
            for one in self.ledger.client.zrange(self.ledger.key("trend", "buckets"), 0, -1)
        )
        return [(size, int(number)) for size, number in found]

    def snapshot(self) -> dict[str, Any]:
        """The buckets in canonical form, equal to that of the memory twin over the same facts."""
        client, clock = self.ledger.client, self.clock()
        held = {
            bucket: client.zrange(self.ledger.key("trend", *bucket), 0, -1, withscores=True)
            for bucket in self._buckets()
            if not outdated(bucket, clock)
        }
        return {
            f"trend:{_named(bucket)}": {video: int(weight) for weight, video in _ranked(answer)}
            for bucket, answer in held.items()
        }


class RedisTrendingReads:
    """TrendingReads of one generation. Methods may raise StoreUnavailable."""

    def __init__(self, client: redis.asyncio.Redis, generation: int) -> None:
        self._client = client
        self._generation = generation

    async def top(self, window: Window, before: Ranked | None, limit: int) -> list[Ranked]:
        name = key(self._generation, "trend", "rank", window)
        with store_errors():
            if before is None:
                return _ranked(await self._client.zrange(name, 0, limit - 1, desc=True, withscores=True))
            score, video = before
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.zrevrangebyscore(name, score, score, withscores=True)
                pipe.zrevrangebyscore(name, f"({score!r}", "-inf", start=0, num=limit, withscores=True)
                ties, lower = await pipe.execute()
        return [*(item for item in _ranked(ties) if item[1] < video), *_ranked(lower)][:limit]


def _named(bucket: Bucket) -> str:
    return f"{bucket[0]}:{bucket[1]}"


def _ranked(answer: Any) -> list[Ranked]:
    return [(float(score), str(video)) for video, score in answer]
