"""How far the product goes as it is shipped, and what breaks first: the lowest limit, and what to do then.

Each remedy says what would have to change in the code as it stands; none of them is built.
"""

from dataclasses import dataclass

from infra.bench.assumptions import DAY_S, Assumptions, Machine
from infra.bench.capacity import GIB, LEAST_PARTITIONS, Sinks, a_play, stored_a_day
from infra.bench.costs import Costs

YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class Limit:
    """One resource that there is one of, or four; ``plays`` a second fill it."""

    name: str
    plays: float
    remedy: str


def limits(costs: Costs, given: Assumptions, machine: Machine, sinks: Sinks) -> list[Limit]:
    """The lowest first."""
    redis, rows = a_play(given, sinks.redis), a_play(given, sinks.clickhouse)
    core = 1e6 * given.utilisation
    memory = machine.gib * GIB * given.utilisation / (given.entries * given.entry_bytes)
    disk = machine.disk_bytes * given.copies * given.utilisation / (given.copies * YEAR_DAYS)
    found = [
        Limit("the memory of one Redis, everybody at the caps", memory * given.plays_a_day / DAY_S, _MEMORY),
        Limit("one core of one Redis", core / (redis * costs.redis.store_us), _REDIS),
        Limit(
            f"Redis lanes on {LEAST_PARTITIONS} partitions",
            LEAST_PARTITIONS * core / (redis * costs.redis.worker_us),
            _PARTITIONS,
        ),
        Limit(
            f"ClickHouse lanes on {LEAST_PARTITIONS} partitions",
            LEAST_PARTITIONS * core / (rows * costs.clickhouse.worker_us),
            _PARTITIONS,
        ),
        Limit(
            "one ClickHouse server", machine.cores * core / (rows * costs.clickhouse.store_us), _CLICKHOUSE
        ),
        Limit("a year of the log on three brokers", disk / (stored_a_day(given) / given.plays), _LOG),
    ]
    return sorted(found, key=lambda one: one.plays)


_MEMORY = (
    "`watched` and `displayed` keep a user's ids up to a cap, as lines of text (`projections/seen`). "
    "Keep what the feed must leave out as packed 64-bit hashes, and the history in ClickHouse, which has "
    "every view anyway; then shard, as for its core."
)
_REDIS = (
    "No cluster takes the keys as they are: the guarded script (`projections/redis_ledger.py`) names two "
    "keys, position and clock, and changes others in the same call, and no key carries a hash tag. What "
    "an actor owns (`watched`, `displayed`, `likes`, `said`) can move: tag each such key and the position "
    "with the partition's number, `g1:{p17}:watched:ann`, and let readers compute that number as the "
    "producer does; change and position stay in one slot and one call. What others write cannot: `count`, "
    "`comments`, `followers`, `trend` and the feeds of a fan-out belong to other keys than the "
    "partition's. They need a second hop: each partition's sums and orders as records of a topic keyed by "
    "their target, folded there under a position of its own. Before that, split by fold: no two folds "
    "write the same key, so each can have a Redis of its own, with an address for each in worker and "
    "readers."
)
_PARTITIONS = (
    "Partitions are literal in `schemas/topics.py`, and provision refuses another number for a topic that "
    "stands: the key decides the partition and the order in it. More of them are new topics "
    "(`rf.playback.v2`), filled from the old ones by a replay, and a new generation folded from those; "
    "start with the numbers above."
)
_CLICKHOUSE = (
    "Tables are ReplacingMergeTree on one server. All that may replace a row (a retry of an event, the "
    "heartbeats and the end of a view, an unlike) comes through partitions of one number, as long as "
    "topics keyed by the actor have equally many: so a shard for a range of partition numbers keeps "
    "duplicates and `offsets_loaded` together. Lanes need an address for each, readers a Distributed "
    "table, copies Replicated engines with a quorum (a position that one copy alone knows is no "
    "position). Rollups by video must then be merged over shards."
)
_LOG = (
    "Topics keep the log for ever and nothing deletes it. The archive has every closed range: set "
    "`retention_ms` of the large topics to days, once `reelfold archive status` shows no gap; replay "
    "reads the archive first anyway."
)
