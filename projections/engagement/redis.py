"""Engagement in Redis.

    g{n}:count:{video}     hash: views, likes, comments, shares
    g{n}:likes:{actor}     hash: video -> "occurred_at|event_id|1 or 0", tombstones kept
    g{n}:said:{actor}      hash: comment_id -> the comment as JSON, null for one that was deleted
    g{n}:comments:{video}  sorted set: "comment_id actor" of those that stand, by occurred_at

`comments` is not capped: a cap would make what stands depend on the order of partitions, since a
deletion does not bring back what was cut off. Many partitions write into a video's keys: counts add up,
and each comment is its own actor's member.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import astuple
from itertools import accumulate
from typing import Any

import orjson
import polars as pl
import redis
import redis.asyncio

from projections.engagement.fold import (
    NAME,
    TOPICS,
    Changes,
    Like,
    Said,
    changes,
    countable,
    remarked,
    toggles,
    turned,
)
from projections.engagement.store import Comment, Counts
from projections.keyset import Keyset
from projections.recent import RecentRecords, Remembering
from projections.redis_fold import ApartFold
from projections.redis_keyset import items_of, page_of
from projections.redis_ledger import Argument, Command, key, packed, store_errors
from projections.redis_reading import Hashes
from projections.redis_words import EACH, gathered, words
from schemas.batch import Records

COUNTED = "views", "likes", "comments", "shares"
_COUNTED = orjson.dumps(COUNTED).decode()
_HELD = (
    "#!lua flags=no-writes"
    + EACH
    + """
local found = {}
each(ARGV[2], function(name, words, first, last)
  local texts = redis.call('HMGET', ARGV[1] .. name, unpack(words, first, last))
  for i = 1, #texts do found[#found + 1] = texts[i] end
end)
return found
"""
)
"""The beginning of keys, and fields -> what these fields hold, in order; one round trip for all actors of a
batch."""
_APART = " "
"""Between comment_id and actor: before every character of an id, so that members sort as ids do."""


class RedisEngagementFold(Remembering, ApartFold):
    """Engagement's write side."""

    name = NAME
    topics = TOPICS

    def __init__(self, client: redis.Redis, generation: int, recent_window_ms: int = 3_600_000) -> None:
        super().__init__(client, generation)
        self.remembers(RecentRecords(recent_window_ms, countable))

    def commands(self, batch: Records) -> list[Command]:
        said, remarks = gathered(toggles(batch), "actor_id"), gathered(remarked(batch), "actor_id")
        likes = turned(said, pl.Series(self._stored("likes", said, "video_id"), dtype=pl.String))
        comments = zip(remarks.rows(), self._stored("said", remarks, "comment_id"), strict=True)
        stored = {pair: _said(text) for pair, text in comments if text is not None}
        made = changes(batch, self.recent.fresh(batch), likes, stored)
        return self._liked(likes) + self._commented(made) + self._counted(made)

    def _stored(self, kind: str, asked: pl.DataFrame, field: str) -> list[str | None]:
        """Of every row its field of its actor's hash, in order."""
        if not asked.height:
            return []
        prefix = self.ledger.key(kind, "")
        return self.ledger.ask(_HELD, prefix, packed(words(asked, "actor_id", (field,))))

    def _liked(self, likes: pl.DataFrame) -> list[Command]:
        """One HSET an actor."""
        actors, counts, said = words(likes, "actor_id", ("video_id", "text"))
        prefix, ends = self.ledger.key("likes", ""), list(accumulate(counts))
        return [
            ("HSET", prefix + actor, *said[end - count : end])
            for actor, count, end in zip(actors, counts, ends, strict=True)
        ]

    def _commented(self, made: Changes) -> list[Command]:
        key = self.ledger.key
        by_actor: dict[str, list[Argument]] = defaultdict(list)
        commands: list[Command] = []
        for (actor, comment), said in made.comments.items():
            by_actor[actor] += (comment, orjson.dumps(said and astuple(said)))
            if said is not None:
                commands.append(("ZADD", key("comments", said.video_id), said.at, _member(comment, actor)))
        for (actor, comment), video in made.withdrawn.items():
            commands.append(("ZREM", key("comments", video), _member(comment, actor)))
        return [("HSET", key("said", actor), *fields) for actor, fields in by_actor.items()] + commands

    def _counted(self, made: Changes) -> list[Command]:
        prefix = self.ledger.key("count", "")
        return [("HINCRBY", prefix + video, kind, number) for (video, kind), number in made.counts.items()]

    def snapshot(self) -> dict[str, Any]:
        """All content in canonical form, equal to that of the memory twin over the same facts."""
        client, found = self.ledger.client, dict[str, Any]()
        for name, kind, whose in self.ledger.keys("count", "likes", "said", "comments"):
            if kind == "comments":
                found[whose] = items_of(client.zrange(name, 0, -1, withscores=True))
                continue
            held = client.hgetall(name)
            if kind == "count":
                found[whose] = {one: int(number) for one, number in held.items() if int(number)}
            elif kind == "likes":
                found[whose] = {video: list(Like.of(str(text))) for video, text in held.items()}
            else:
                found[whose] = {comment: orjson.loads(text) for comment, text in held.items()}
        return {whose: content for whose, content in found.items() if content}


class RedisEngagementReads:
    """EngagementReads of one generation. Methods may raise StoreUnavailable."""

    def __init__(self, client: redis.asyncio.Redis, generation: int) -> None:
        self._client = client
        self._generation = generation
        self._hashes = Hashes(client)

    async def counts(self, video_ids: list[str]) -> list[Counts]:
        names = [key(self._generation, "count", video) for video in video_ids]
        found = await self._hashes.fields(names, _COUNTED)
        return [counts_of(held) for held in found]

    async def liked(self, actor_id: str, video_ids: list[str]) -> list[bool]:
        if not video_ids:
            return []
        with store_errors():
            held = await self._client.hmget(key(self._generation, "likes", actor_id), video_ids)
        return [is_on(text) for text in held]

    async def comments(self, video_id: str, before: Keyset | None, limit: int) -> list[Comment]:
        name = key(self._generation, "comments", video_id)
        standing = await page_of(self._client, name, before, limit)
        pairs = [tuple(member.split(_APART, 1)) for _, member in standing]
        with store_errors():
            async with self._client.pipeline(transaction=False) as pipe:
                for comment, actor in pairs:
                    pipe.hget(key(self._generation, "said", actor), comment)
                texts = await pipe.execute()
        found = [(pair, _said(text)) for pair, text in zip(pairs, texts, strict=True) if text is not None]
        return [_comment(comment, actor, said) for (comment, actor), said in found if said is not None]


def counts_of(held: Sequence[str | None]) -> Counts:
    """The fields COUNTED of a video's hash, as Redis answers them."""
    return Counts(*(int(number or 0) for number in held))


def is_on(text: str | bytes | None) -> bool:
    """Whether a field of an actor's likes says that the video is liked now."""
    return text is not None and Like.of(str(text)).on


def _member(comment: str, actor: str) -> str:
    return f"{comment}{_APART}{actor}"


def _said(text: str) -> Said | None:
    fields = orjson.loads(text)
    return None if fields is None else Said(*fields)


def _comment(comment: str, actor: str, said: Said) -> Comment:
    return Comment(
        comment, said.video_id, actor, said.at, said.parent_id, said.event_id, said.pii, said.pii_key_id
    )
