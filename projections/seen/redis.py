"""What was seen, in Redis.

    g{n}:seen:{user}     sorted set: videos played or on screen, by the greatest time
    g{n}:history:{user}  sorted set: videos played, by the greatest time

Both are cut to the newest 5,000 by (time, video_id). Two topics write into `seen`; greatest times commute.
"""

from typing import Any

import redis
import redis.asyncio

from projections.keyset import Keyset
from projections.redis_keyset import items_of, page_of
from projections.redis_ledger import Argument, Command, RedisFold, key, store_errors
from projections.seen.fold import CAP, NAME, TOPICS, LastTimes, sightings
from schemas.batch import RecordBatch


class RedisSeenFold(RedisFold):
    """Seen's write side."""

    name = NAME
    topics = TOPICS

    def __init__(self, client: redis.Redis, generation: int, cap: int = CAP) -> None:
        super().__init__(client, generation)
        self._cap = cap

    def commands(self, batch: RecordBatch) -> list[Command]:
        found = sightings(batch)
        return self._kept("seen", found.seen) + self._kept("history", found.watched)

    def _kept(self, kind: str, said: LastTimes) -> list[Command]:
        """A ZADD and a cut for each user, however many videos."""
        commands: list[Command] = []
        for user, times in said.items():
            name = self.ledger.key(kind, user)
            scores: list[Argument] = [part for video, at in times.items() for part in (at, video)]
            commands.append(("ZADD", name, "GT", *scores))
            commands.append(("ZREMRANGEBYRANK", name, 0, -self._cap - 1))
        return commands

    def snapshot(self) -> dict[str, Any]:
        """All content in canonical form, equal to that of the memory twin over the same facts."""
        return {
            whose: items_of(self.ledger.client.zrange(name, 0, -1, withscores=True))
            for name, _, whose in self.ledger.keys("seen", "history")
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
            times = await self._client.zmscore(key(self._generation, "seen", user_id), video_ids)
        return [at is not None for at in times]

    async def history(self, user_id: str, before: Keyset | None, limit: int) -> list[Keyset]:
        return await page_of(self._client, key(self._generation, "history", user_id), before, limit)
