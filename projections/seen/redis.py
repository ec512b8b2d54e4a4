"""What was seen, in Redis.

    g{n}:history:{user}  sorted set: videos played, by the greatest time
    g{n}:shown:{user}    sorted set: videos on screen, by the greatest time

Both are cut to the newest 5,000 by (time, video_id). Seen is what is in either.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import redis
import redis.asyncio

from projections.keyset import Keyset
from projections.redis_fold import ScriptedFold
from projections.redis_keyset import items_of, page_of
from projections.redis_ledger import Argument, Move, key, packed, store_errors
from projections.redis_words import EACH, gathered, words
from projections.seen.fold import CAP, EVENTS, NAME, TOPICS, shown, watched
from schemas.batch import Records

ROWS = 10_000
"""Rows of a transaction: two commands for each of their users."""
BULK_ROWS = 25_000
"""The same for a rebuild: users come together again and again, and each is written to once."""
_KEEP = (
    EACH
    + """
local cap = tonumber(ARGV[1])
for at = 2, #ARGV, 2 do
  each(ARGV[at + 1], function(user, words, first, last)
    local key = ARGV[at] .. user
    if redis.call('ZADD', key, 'GT', unpack(words, first, last)) > 0 and redis.call('ZCARD', key) > cap then
      redis.call('ZREMRANGEBYRANK', key, 0, -cap - 1)
    end
  end)
end
"""
)
"""ARGV: how many are kept, then the beginning of keys and what is to be in them, by turns."""


class RedisSeenFold(ScriptedFold):
    """Seen's write side."""

    name = NAME
    topics = TOPICS
    events = EVENTS

    def __init__(self, client: redis.Redis, generation: int, cap: int = CAP) -> None:
        super().__init__(client, generation)
        self._cap = cap
        self.rows = ROWS

    def in_bulk(self) -> None:
        self.rows = BULK_ROWS

    def write(self, records: Records, moves: Sequence[Move]) -> None:
        arguments: list[Argument] = [self._cap]
        for kind, times in (("history", watched(records)), ("shown", shown(records))):
            if times.height:
                times = gathered(times, "actor_id")
                arguments += [self.ledger.key(kind, ""), packed(words(times, "actor_id", ("at", "video_id")))]
        self.ledger.run_script(_KEEP, [], arguments, moves)

    def snapshot(self) -> dict[str, Any]:
        """All content in canonical form, equal to that of the memory twin over the same facts."""
        return {
            whose: items_of(self.ledger.client.zrange(name, 0, -1, withscores=True))
            for name, _, whose in self.ledger.keys("history", "shown")
        }


class RedisSeenReads:
    """SeenReads of one generation. Methods may raise StoreUnavailable."""

    def __init__(self, client: redis.asyncio.Redis, generation: int) -> None:
        self._client = client
        self._generation = generation

    async def seen(self, user_id: str, video_ids: list[str]) -> list[bool]:
        if not video_ids:
            return []
        with store_errors():
            watched, shown = await asyncio.gather(
                *(
                    self._client.zmscore(key(self._generation, kind, user_id), video_ids)
                    for kind in ("history", "shown")
                )
            )
        return [one is not None or other is not None for one, other in zip(watched, shown, strict=True)]

    async def history(self, user_id: str, before: Keyset | None, limit: int) -> list[Keyset]:
        return await page_of(self._client, key(self._generation, "history", user_id), before, limit)
