"""The pointer to the generation that is read: a copy in Redis of the last generation.promoted fact.

    live:generation   its number; absent means 1, or that Redis lost it
    live:offset       the offset of the fact on rf.ops.v1 that says so

Two may set it at once (the command that promotes, and a worker that reads the log): the later fact wins.
"""

import redis

from projections.redis_ledger import store_errors

LIVE_GENERATION = "live:generation"
LIVE_OFFSET = "live:offset"
FIRST = 1
"""What is live while nothing was ever promoted."""

_POINT = """
local stored = tonumber(redis.call('GET', KEYS[2]) or '-1')
local offset, log_end = tonumber(ARGV[2]), tonumber(ARGV[3])
if stored > offset and stored < log_end then return 0 end
local was = redis.call('GET', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], ARGV[2])
return was == ARGV[1] and 0 or 1
"""
"""An offset at or beyond the log's end is of a log that is gone."""


def point(client: redis.Redis, generation: int, offset: int, log_end: int) -> bool:
    """Let readers read this generation, unless a later fact said otherwise. Whether that changed anything.

    ``offset`` is that of the fact, ``log_end`` that after the topic's last. Raises StoreUnavailable.
    """
    with store_errors():
        script = client.register_script(_POINT)
        return bool(script(keys=[LIVE_GENERATION, LIVE_OFFSET], args=[generation, offset, log_end]))


def pointed(client: redis.Redis) -> int | None:
    """The generation that the pointer names, or None without one. Raises StoreUnavailable."""
    with store_errors():
        found = client.get(LIVE_GENERATION)
    return None if found is None else int(found)
