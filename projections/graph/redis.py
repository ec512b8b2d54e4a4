"""The graph in Redis.

    g{n}:follow:{actor}      hash: target -> [since, event_id, on] as JSON, tombstones kept
    g{n}:following:{actor}   sorted set: whom the actor follows now, by since
    g{n}:followers:{target}  sorted set: who follows the target now, by since

Many partitions write into one account's followers, each only the members of its own actors.
"""

from typing import Any

import orjson
import redis
import redis.asyncio

from projections.graph.fold import TOPICS, Edge, Ends, changed, edges
from projections.graph.store import GraphCounts
from projections.redis_fold import RedisFold
from projections.redis_keyset import items_of, page_of
from projections.redis_ledger import Command, key, store_errors
from schemas.batch import Records


class RedisGraphFold(RedisFold):
    """The graph's write side."""

    name = "graph"
    topics = TOPICS

    def commands(self, batch: Records) -> list[Command]:
        said = edges(batch)
        return [
            command
            for ends, edge in changed(self._stored(said), said).items()
            for command in self._edge_commands(ends, edge)
        ]

    def snapshot(self) -> dict[str, Any]:
        """All content in canonical form, equal to that of the memory twin over the same facts."""
        found: dict[str, Any] = {}
        client = self.ledger.client
        for kind in "follow", "following", "followers":
            prefix = self.ledger.key(kind, "")
            for name in client.scan_iter(f"{prefix}*", count=1000):
                whose = f"{kind}:{name.removeprefix(prefix)}"
                if kind == "follow":
                    held = client.hgetall(name)
                    found[whose] = {target: orjson.loads(text) for target, text in held.items()}
                else:
                    found[whose] = items_of(client.zrange(name, 0, -1, withscores=True))
        return found

    def _stored(self, said: dict[Ends, Edge]) -> dict[Ends, Edge]:
        with self.ledger.client.pipeline(transaction=False) as pipe:
            for actor, target in said:
                pipe.hget(self.ledger.key("follow", actor), target)
            answers = pipe.execute()
        found = zip(said, answers, strict=True)
        return {ends: Edge(*orjson.loads(text)) for ends, text in found if text is not None}

    def _edge_commands(self, ends: Ends, edge: Edge) -> list[Command]:
        actor, target = ends
        following, followers = self.ledger.key("following", actor), self.ledger.key("followers", target)
        text = orjson.dumps([edge.since, edge.event_id, edge.on])
        commands: list[Command] = [("HSET", self.ledger.key("follow", actor), target, text)]
        if edge.on:
            commands += [("ZADD", following, edge.since, target), ("ZADD", followers, edge.since, actor)]
        else:
            commands += [("ZREM", following, target), ("ZREM", followers, actor)]
        return commands


class RedisGraphReads:
    """GraphReads of one generation. Methods may raise StoreUnavailable."""

    def __init__(self, client: redis.asyncio.Redis, generation: int) -> None:
        self._client = client
        self._generation = generation

    async def counts(self, user_ids: list[str]) -> list[GraphCounts]:
        with store_errors():
            async with self._client.pipeline(transaction=False) as pipe:
                for one in user_ids:
                    pipe.zcard(key(self._generation, "followers", one))
                    pipe.zcard(key(self._generation, "following", one))
                answers = await pipe.execute()
        return [GraphCounts(*pair) for pair in zip(answers[::2], answers[1::2], strict=True)]

    async def follows(self, actor_id: str, target_ids: list[str]) -> list[bool]:
        if not target_ids:
            return []
        with store_errors():
            scores = await self._client.zmscore(key(self._generation, "following", actor_id), target_ids)
        return [score is not None for score in scores]

    async def followers(
        self, user_id: str, before: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        return await page_of(self._client, key(self._generation, "followers", user_id), before, limit)

    async def following(
        self, user_id: str, before: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        return await page_of(self._client, key(self._generation, "following", user_id), before, limit)
