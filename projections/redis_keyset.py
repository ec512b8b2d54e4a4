"""A page of a sorted set by keyset: scores are epoch ms, members ids."""

from typing import Any

import redis.asyncio

from projections.keyset import Keyset
from projections.redis_ledger import store_errors


async def page_of(client: redis.asyncio.Redis, key: str, before: Keyset | None, limit: int) -> list[Keyset]:
    """The newest ``limit`` members before the keyset, as (score, member). May raise StoreUnavailable.

    Redis orders equal scores by the bytes of the member, as Python orders ids, which are ASCII. Those
    that share the keyset's millisecond are fetched whole: they are few.
    """
    with store_errors():
        if before is None:
            return items_of(await client.zrange(key, 0, limit - 1, desc=True, withscores=True))
        at, member = before
        async with client.pipeline(transaction=True) as pipe:
            pipe.zrevrangebyscore(key, at, at, withscores=True)
            pipe.zrevrangebyscore(key, f"({at}", "-inf", start=0, num=limit, withscores=True)
            ties, older = await pipe.execute()
    return [*(item for item in items_of(ties) if item[1] < member), *items_of(older)][:limit]


def items_of(answer: Any) -> list[Keyset]:
    """A sorted set's answer WITHSCORES as (score, member)."""
    return [(int(score), str(member)) for member, score in answer]
