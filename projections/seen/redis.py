"""What was seen, in Redis.

    g{n}:watched:{user}    list: a line for each view, `at video` (projections/seen/lines.py)
    g{n}:displayed:{user}  the same for each impression

Of both the newest 5,000 videos count, by (greatest time, video_id). Seen is what is in either.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import orjson
import redis
import redis.asyncio

from projections.keyset import Keyset, page
from projections.redis_fold import ScriptedFold
from projections.redis_ledger import Argument, Move, key, packed, store_errors
from projections.redis_words import EACH
from projections.seen.fold import CAP, EVENTS, NAME, TOPICS, displayed, watched
from projections.seen.lines import compacted, lines, newest
from schemas.batch import Records

ROWS = 10_000
"""Rows of a transaction: a command or two for each of their users."""
BULK_ROWS = 25_000
"""The same for a rebuild: users come together again and again, and each is written to once."""
PIECE = 512
"""Lines. Fewer than two pieces are never put in order; whether a list is due is looked at once a piece."""
_APPEND = (
    EACH
    + """
local piece, due = tonumber(ARGV[1]), {}
local function append(key, lines, first, last)
  local length = redis.call('RPUSH', key, unpack(lines, first, last))
  if math.floor(length / piece) == math.floor((length - (last - first + 1)) / piece) then return end
  local ordered = tonumber(string.match(redis.call('LINDEX', key, 0), '^#(%d+)') or 0)
  if length > 2 * math.max(ordered, piece) then due[key] = true end
end
for at = 2, #ARGV, 2 do
  each(ARGV[at + 1], function(user, ...) append(ARGV[at] .. user, ...) end)
end
local names = {}
for name in pairs(due) do names[#names + 1] = name end
if #names > 0 then return cjson.encode(names) end
"""
)
"""ARGV: lines of a piece, then the beginning of keys and what is appended to them, by turns. Answers the
keys whose lines are to be put in order."""


class RedisSeenFold(ScriptedFold):
    """Seen's write side."""

    name = NAME
    topics = TOPICS
    events = EVENTS

    def __init__(self, client: redis.Redis, generation: int, cap: int = CAP, piece: int = PIECE) -> None:
        super().__init__(client, generation)
        self._cap = cap
        self._piece = piece
        self.rows = ROWS

    def in_bulk(self) -> None:
        self.rows = BULK_ROWS

    def write(self, records: Records, moves: Sequence[Move]) -> None:
        arguments: list[Argument] = [self._piece]
        for kind, times in (("watched", watched(records)), ("displayed", displayed(records))):
            if times.height:
                arguments += [self.ledger.key(kind, ""), packed(lines(times))]
        due = self.ledger.run_script(_APPEND, [], arguments, moves)
        for name in orjson.loads(str(due) or "[]"):
            self._compact(name)

    def _compact(self, name: str) -> None:
        """Say the same in less. Who else changes the list meanwhile has its partition now, and does it."""
        with store_errors(), self.ledger.client.pipeline() as pipe:
            pipe.watch(name)  # type: ignore[no-untyped-call]
            fewer = compacted(cast(list[str], pipe.lrange(name, 0, -1)), self._cap)
            pipe.multi()
            pipe.delete(name)
            pipe.rpush(name, *fewer)
            with suppress(redis.WatchError):
                pipe.execute()

    def snapshot(self) -> dict[str, Any]:
        """All content in canonical form, equal to that of the memory twin over the same facts."""
        return {
            whose: sorted(newest(cast(list[str], self.ledger.client.lrange(name, 0, -1)), self._cap))
            for name, _, whose in self.ledger.keys("watched", "displayed")
        }


class RedisSeenReads:
    """SeenReads of one generation. Methods may raise StoreUnavailable."""

    def __init__(self, client: redis.asyncio.Redis, generation: int, cap: int = CAP) -> None:
        self._client = client
        self._generation = generation
        self._cap = cap

    async def seen(self, user_id: str, video_ids: list[str]) -> list[bool]:
        if not video_ids:
            return []
        both = await asyncio.gather(*(self._newest(kind, user_id) for kind in ("watched", "displayed")))
        known = {video for times in both for _, video in times}
        return [video in known for video in video_ids]

    async def history(self, user_id: str, before: Keyset | None, limit: int) -> list[Keyset]:
        return page(await self._newest("watched", user_id), before, limit)

    async def _newest(self, kind: str, user_id: str) -> list[Keyset]:
        with store_errors():
            said = await self._client.lrange(key(self._generation, kind, user_id), 0, -1)
        return newest(cast(list[str], said), self._cap)
