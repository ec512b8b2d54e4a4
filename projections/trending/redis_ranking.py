"""Ranks made of the buckets in Redis, in steps so short that its other clients hardly notice.

One ZUNIONSTORE of a window made everybody wait for all of its videos at once. A bucket therefore lies in
SHARDS keys, by its videos; a window's shards are added up one after another, and of each only those come
back that may still be among the first.
"""

from collections.abc import Mapping
from typing import Any
from zlib import crc32

import redis

from projections.redis_ledger import RedisLedger, store_errors
from projections.trending.fold import TOP, Bucket
from projections.trending.store import Ranked, Window

SHARDS = 16

TURN_MS = 10_000
"""Who took the turn and died holds the others up so long."""
EVERY_MS = 2_000
REST = 20
"""A rank that took long is left alone for so many times as long: whatever the number of videos, ranking
is no more than a twentieth of what Redis does."""


_FIRST = """#!lua flags=no-writes
local union, answer = {'ZUNION', #KEYS}, {}
for nth, key in ipairs(KEYS) do union[2 + nth], union[3 + #KEYS + nth] = key, ARGV[2 + nth] end
union[3 + #KEYS], union[4 + 2 * #KEYS] = 'WEIGHTS', 'WITHSCORES'
local found, least, most = redis.call(unpack(union)), tonumber(ARGV[1]), 2 * tonumber(ARGV[2])
for last = #found, 2, -2 do
  if #answer >= most or tonumber(found[last]) < least then break end
  answer[#answer + 1], answer[#answer + 2] = found[last - 1], found[last]
end
return answer
"""
"""It only reads: a union that is stored would be carried out again out of Redis' log at each start."""


def shard_of(video_id: str) -> int:
    """The shard of every bucket that this video's weight is in."""
    return crc32(video_id.encode()) % SHARDS


def rank(ledger: RedisLedger, window: Window, worths: Mapping[Bucket, float]) -> None:
    """Rank a window out of these buckets, each with the worth of a weight of one in it. What is written
    meanwhile may be in it or not; readers see a rank whole. May raise StoreUnavailable.
    """
    top: list[Ranked] = []
    with store_errors():
        for shard in range(SHARDS if worths else 0):
            least = top[-1][0] if len(top) == TOP else 0.0
            top = sorted(top + _first(ledger, shard, worths, least), reverse=True)[:TOP]
        _keep(ledger.client, ledger.key("trend", "rank", window), top)


def _first(ledger: RedisLedger, shard: int, worths: Mapping[Bucket, float], least: float) -> list[Ranked]:
    """The first of a shard that score at least this."""
    names = [ledger.key("trend", *bucket, shard) for bucket in worths]
    answer = ledger.client.register_script(_FIRST)(names, [least, TOP, *worths.values()])
    return ranked(zip(answer[::2], answer[1::2], strict=True))


def _keep(client: redis.Redis, name: str, top: list[Ranked]) -> None:
    """Nothing is written of a rank that is as it was: each one would be 40 KB of Redis' log."""
    if ranked(client.zrange(name, 0, -1, desc=True, withscores=True)) == top:
        return
    with client.pipeline(transaction=True) as pipe:
        pipe.unlink(name)
        if top:
            pipe.zadd(name, {video: score for score, video in top})
        pipe.execute()


def ranked(answer: Any) -> list[Ranked]:
    """(video, score) as Redis tells it, the other way round."""
    return [(float(score), str(video)) for video, score in answer]


def take_turn(ledger: RedisLedger, size: str) -> bool:
    """Whether it is time to rank the windows of this size of bucket, and nobody else is at it."""
    with store_errors():
        return bool(ledger.client.set(ledger.key("trend", "turn", size), 1, nx=True, px=TURN_MS))


def end_turn(ledger: RedisLedger, size: str, took_s: float) -> None:
    """Leave the ranks alone for as long as becomes what they cost."""
    with store_errors():
        rest_ms = max(EVERY_MS, int(1_000 * REST * took_s))
        ledger.client.pexpire(ledger.key("trend", "turn", size), rest_ms)
