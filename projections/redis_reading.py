"""Many hashes in one command, for the read side.

A client pays some 50 us for each command of a pipeline, packing it and awaiting its answer; Redis pays two
for each call of a script. A page of a feed reads three dozen hashes.
"""

from collections.abc import Sequence
from typing import Any

import redis.asyncio

from projections.redis_ledger import store_errors

_WHOLE = """
local found = {}
for at, name in ipairs(ARGV) do found[at] = redis.call('HGETALL', name) end
return found
"""
_FIELDS = """
local fields, found = cjson.decode(ARGV[1]), {}
for at = 2, #ARGV do found[at - 1] = redis.call('HMGET', ARGV[at], unpack(fields)) end
return found
"""


class Hashes:
    """Reads hashes by name, any number at once. Methods may raise StoreUnavailable."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._whole = client.register_script(_WHOLE)
        self._fields = client.register_script(_FIELDS)

    async def flat(self, names: Sequence[str]) -> list[list[str]]:
        """Each hash whole, names and values by turns; empty where there is none."""
        return await self._run(self._whole, names)

    async def fields(self, names: Sequence[str], fields: str) -> list[list[str | None]]:
        """These fields (a JSON array) of each hash, None where absent."""
        if not names:
            return []
        return await self._run(self._fields, [fields, *names])

    async def _run(self, script: Any, arguments: Sequence[str]) -> list[Any]:
        if not arguments:
            return []
        with store_errors():
            return list(await script(args=arguments))
