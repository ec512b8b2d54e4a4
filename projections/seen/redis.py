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
from projections.redis_ledger import Move, key, packed, store_errors
from projections.seen.fold import CAP, NAME, TOPICS, Times, shown, watched
from schemas.batch import Records

ROWS = 10_000
"""Rows of a transaction: two commands for each of their users."""
BULK_ROWS = 25_000
"""The same for a rebuild: users come together again and again, and each is written to once."""
_TOGETHER = 1_000
"""Videos in one command at most: Lua hands over 8,000 words."""
_KEEP = """
local prefix, cap, call = ARGV[1], tonumber(ARGV[2]), redis.call
local said = cjson.decode(ARGV[3])
for at, kind in ipairs({'history:', 'shown:'}) do
  for _, one in ipairs(said[at]) do
    local key = prefix .. kind .. one[1]
    if call('ZADD', key, 'GT', unpack(one, 2)) > 0 and call('ZCARD', key) > cap then
      call('ZREMRANGEBYRANK', key, 0, -cap - 1)
    end
  end
end
"""


class RedisSeenFold(ScriptedFold):
    """Seen's write side."""

    name = NAME
    topics = TOPICS

    def __init__(self, client: redis.Redis, generation: int, cap: int = CAP) -> None:
        super().__init__(client, generation)
        self._cap = cap
        self.rows = ROWS

    def in_bulk(self) -> None:
        self.rows = BULK_ROWS

    def write(self, records: Records, moves: Sequence[Move]) -> None:
        said = packed([_by_user(watched(records)), _by_user(shown(records))])
        self.ledger.run_script(_KEEP, [], [self.ledger.key(""), self._cap, said], moves)

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


def _by_user(times: Times) -> list[list[str]]:
    """[user, at, video, at, video, ...] of each user, as the script takes it."""
    found: dict[str, list[str]] = {}
    whole: list[list[str]] = []
    for user, video, at in times:
        said = found.get(user)
        if said is None:
            said = found[user] = [user]
        said += (str(at), video)
        if len(said) > 2 * _TOGETHER:
            whole.append(found.pop(user))
    return [*whole, *found.values()]
