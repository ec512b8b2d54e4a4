"""The catalog in Redis.

    g{n}:user:{id}, g{n}:video:{id}   hash: fact name -> [occurred_at, event_id, value] as JSON
    g{n}:videos_of:{creator}          sorted set: published videos by published_at
    g{n}:upload:{upload_id}           sorted set: the video, by when its upload started

The owners of a video's two partitions (video, media) write facts of different names, and the sets'
members belong to one video each: whoever comes first, the result is the same.
"""

import time
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson
import redis
import redis.asyncio

from projections.catalog.fold import PLACING, TOPICS, Entity, Fact, Facts, changed, gathered, places
from projections.catalog.store import User, Video
from projections.catalog.views import user_view, video_view
from projections.redis_fold import RedisFold
from projections.redis_keyset import items_of, page_of
from projections.redis_ledger import Command, key, store_errors
from projections.redis_reading import Hashes
from schemas.batch import Records

USERS_HELD = 10_000
VIDEOS_HELD = 4_096


class RedisCatalogFold(RedisFold):
    """The catalog's write side."""

    name = "catalog"
    topics = TOPICS

    def commands(self, batch: Records) -> list[Command]:
        said = gathered(batch)
        stored = self._stored(said)
        return [
            command
            for entity, facts in said.items()
            for command in self._entity_commands(entity, stored[entity], changed(stored[entity], facts))
        ]

    def snapshot(self) -> dict[str, Any]:
        """All content in canonical form, equal to that of the memory twin over the same facts."""
        found: dict[str, Any] = {}
        for kind in "user", "video", "videos_of", "upload":
            prefix = self.ledger.key(kind, "")
            for name in self.ledger.client.scan_iter(f"{prefix}*", count=1000):
                found[f"{kind}:{name.removeprefix(prefix)}"] = self._content(kind, name)
        return found

    def _stored(self, said: dict[Entity, dict[str, Fact]]) -> dict[Entity, dict[str, Fact]]:
        """The facts in Redis that those said are weighed against."""
        wanted = {entity: [*{*facts, *PLACING}] for entity, facts in said.items()}
        with self.ledger.client.pipeline(transaction=False) as pipe:
            for (kind, one), names in wanted.items():
                pipe.hmget(self.ledger.key(kind, one), names)
            answers = pipe.execute()
        return {
            entity: {name: _fact(text) for name, text in zip(names, answer, strict=True) if text is not None}
            for (entity, names), answer in zip(wanted.items(), answers, strict=True)
        }

    def _entity_commands(self, entity: Entity, stored: Facts, changes: dict[str, Fact]) -> list[Command]:
        if not changes:
            return []
        kind, one = entity
        pairs = [part for name, fact in changes.items() for part in (name, _text(fact))]
        commands: list[Command] = [("HSET", self.ledger.key(kind, one), *pairs)]
        if kind == "video":
            old, new = places(stored), places({**stored, **changes})
            gone = ((listed, whose) for listed, whose, _ in old - new)
            commands += [("ZREM", self.ledger.key(*place), one) for place in gone]
            commands += [("ZADD", self.ledger.key(listed, whose), at, one) for listed, whose, at in new - old]
        return commands

    def _content(self, kind: str, name: str) -> Any:
        client = self.ledger.client
        if kind in ("user", "video"):
            return {field: orjson.loads(text) for field, text in client.hgetall(name).items()}
        return items_of(client.zrange(name, 0, -1, withscores=True))


class RedisCatalogReads:
    """CatalogReads of one generation. Methods may raise StoreUnavailable.

    An account is answered again from memory for ``users_life_s``: it stands beside every video of a page
    and seldom changes.
    """

    def __init__(self, client: redis.asyncio.Redis, generation: int, users_life_s: float = 0.0) -> None:
        self._client = client
        self._generation = generation
        self._hashes = Hashes(client)
        self._life_s = users_life_s
        self._held: OrderedDict[str, tuple[float, User]] = OrderedDict()

    async def users(self, user_ids: list[str]) -> list[User | None]:
        now = time.monotonic()
        held = {one: self._held[one] for one in user_ids if one in self._held}
        known = {one: user for one, (until, user) in held.items() if until > now}
        asked = [one for one in user_ids if one not in known]
        for one, flat in zip(asked, await self._flat("user", asked), strict=True):
            if (user := user_of(one, flat)) is not None:
                known[one] = user
                self._hold(user, now + self._life_s)
        return [known.get(one) for one in user_ids]

    async def videos(self, video_ids: list[str]) -> list[Video | None]:
        found = await self._flat("video", video_ids)
        return [video_of(one, tuple(flat)) for one, flat in zip(video_ids, found, strict=True)]

    async def video_of_upload(self, upload_id: str) -> str | None:
        with store_errors():
            claims = await self._client.zrange(key(self._generation, "upload", upload_id), 0, 0)
        return str(claims[0]) if claims else None

    async def videos_of(
        self, creator_id: str, before: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        return await page_of(self._client, key(self._generation, "videos_of", creator_id), before, limit)

    async def _flat(self, kind: str, ids: list[str]) -> list[list[str]]:
        return await self._hashes.flat([key(self._generation, kind, one) for one in ids])

    def _hold(self, user: User, until: float) -> None:
        if self._life_s:
            self._held[user.user_id] = until, user
            self._held.move_to_end(user.user_id)
            if len(self._held) > USERS_HELD:
                self._held.popitem(last=False)


@lru_cache(maxsize=VIDEOS_HELD)
def video_of(video_id: str, flat: tuple[str, ...]) -> Video | None:
    """The video of a hash as Redis answers it: the same answer, the same video. Hot ones are asked often."""
    return video_view(video_id, _facts(flat))


def user_of(user_id: str, flat: Sequence[str]) -> User | None:
    """The account of a hash as Redis answers it."""
    return user_view(user_id, _facts(flat))


def _facts(flat: Sequence[str]) -> dict[str, Fact]:
    """The facts of a hash: names and texts by turns."""
    return {name: _fact(text) for name, text in zip(flat[::2], flat[1::2], strict=True)}


def _text(fact: Fact) -> bytes:
    return orjson.dumps([*fact.version, fact.value])


def _fact(text: str | bytes) -> Fact:
    occurred_at, event_id, value = orjson.loads(text)
    return Fact((occurred_at, event_id), value)
