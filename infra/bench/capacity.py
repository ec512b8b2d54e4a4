"""From the cost of one event to cores, nodes and machines: arithmetic, pure.

A core is full at the target utilisation; a part has as many machines as its scarcest resource asks for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil

from infra.bench.assumptions import DAY_S, Assumptions, Machine
from infra.bench.costs import Costs
from schemas.topics import BY_NAME

GIB = 2**30
LEAST_PARTITIONS = BY_NAME["rf.playback.v1"].partitions
"""As shipped."""


@dataclass(frozen=True, slots=True)
class Part:
    """One row of the plan. ``busy`` cores are what the work takes, without room."""

    name: str
    busy: float
    units: int
    unit: str
    machines: int
    because: str
    """Which resource decides."""


@dataclass(frozen=True, slots=True)
class Sinks:
    """Which topics each sink reads."""

    redis: frozenset[str]
    clickhouse: frozenset[str]


def parts(costs: Costs, given: Assumptions, machine: Machine, sinks: Sinks) -> list[Part]:
    """The whole plan, in the order of an event's way."""
    return [
        api(costs, given, machine),
        brokers(costs, given, machine, sinks),
        workers("Redis lanes", costs.redis.worker_us, _read(given, sinks.redis), given, machine),
        redis(costs, given, machine, sinks),
        workers(
            "ClickHouse lanes", costs.clickhouse.worker_us, _read(given, sinks.clickhouse), given, machine
        ),
        clickhouse(costs, given, machine, sinks),
        transcoder(costs, given, machine),
    ]


def api(costs: Costs, given: Assumptions, machine: Machine) -> Part:
    """Processes of one core. Reads count where they were measured."""
    event_us = costs.event_us + costs.post_us / given.events_a_post
    busy = sum(given.rates.values()) * event_us / 1e6 + _reads(given) * (costs.read_us or 0.0) / 1e6
    processes = ceil(busy / given.utilisation)
    return Part("API", busy, processes, "processes", _packed(processes, machine), "processor")


def brokers(costs: Costs, given: Assumptions, machine: Machine, sinks: Sinks) -> Part:
    """Each copy of a record costs what the first one does; followers read what lanes and archiver read."""
    rate = sum(given.rates.values())
    redis, rows = _read(given, sinks.redis), _read(given, sinks.clickhouse)
    busy = rate * costs.produce_us * given.copies / 1e6
    busy += (redis * costs.redis.fetch_us + rows * costs.clickhouse.fetch_us) / 1e6
    size = given.event_bytes * given.compressed
    out = rate * size * (given.copies - 1) + (redis + rows + rate) * size
    need = {
        "processor": busy / (machine.cores * given.utilisation),
        "network": max(rate * size * given.copies, out) / (machine.link_bytes * given.utilisation),
        "disk": stored_a_day(given)
        * given.copies
        * given.log_days
        / (machine.disk_bytes * given.utilisation),
    }
    return _by_need("Kafka brokers", busy, need, "brokers", least=int(given.copies))


def workers(name: str, cost_us: float, rate: float, given: Assumptions, machine: Machine) -> Part:
    """Of one core each."""
    busy = rate * cost_us / 1e6
    number = ceil(busy / given.utilisation)
    return Part(name, busy, number, "workers", _packed(number, machine), "processor")


def redis(costs: Costs, given: Assumptions, machine: Machine, sinks: Sinks) -> Part:
    """Nodes of one core, each with its copies; as many to a machine as its memory holds."""
    busy = _read(given, sinks.redis) * costs.redis.store_us / 1e6 + _reads(given) * costs.read_redis_us / 1e6
    need = {"processor": busy / given.utilisation, "memory": redis_bytes(given) / (given.node_gib * GIB)}
    because = max(need, key=lambda one: need[one])
    nodes = ceil(need[because]) * int(given.redis_copies)
    on_one = max(1, int(machine.gib * given.utilisation / given.node_gib))
    return Part("Redis", busy, nodes, "nodes with copies", ceil(nodes / on_one), because)


def clickhouse(costs: Costs, given: Assumptions, machine: Machine, sinks: Sinks) -> Part:
    """Shards of a machine, each with its copies."""
    rate = _read(given, sinks.clickhouse)
    busy = rate * costs.clickhouse.store_us / 1e6
    rows = rate * given.row_bytes * given.row_days * DAY_S
    need = {
        "processor": busy / (machine.cores * given.utilisation),
        "disk": rows / (machine.disk_bytes * given.utilisation),
    }
    part = _by_need("ClickHouse", busy * given.row_copies, need, "shards")
    return Part(part.name, part.busy, part.units, part.unit, part.units * int(given.row_copies), part.because)


def transcoder(costs: Costs, given: Assumptions, machine: Machine) -> Part:
    """Cores at work on clips."""
    busy = given.videos_a_day / DAY_S * (given.clip_s if costs.clip_s is None else costs.clip_s)
    cores = ceil(busy / given.utilisation)
    return Part("transcoders", busy, cores, "cores", _packed(cores, machine), "processor")


def partitions(costs: Costs, given: Assumptions, sinks: Sinks) -> dict[str, int]:
    """Topic -> partitions, a power of two: one is at most half a worker of any sink that reads it.

    Topics of one key have equally many, so that all of an actor's lies in partitions of one number.
    """
    lanes = ((sinks.redis, costs.redis), (sinks.clickhouse, costs.clickhouse))
    least: dict[str, int] = {}
    for topic, rate in given.rates.items():
        need = max((rate * lane.worker_us / 1e6 for topics, lane in lanes if topic in topics), default=0.0)
        key = BY_NAME[topic].key
        least[key] = max(LEAST_PARTITIONS, _power(2 * need / given.utilisation), least.get(key, 0))
    return {topic: least[BY_NAME[topic].key] for topic in given.rates}


def redis_bytes(given: Assumptions) -> float:
    """What one copy of the data holds: everybody's at the caps, and the videos."""
    videos = given.videos_a_day * 365 * given.video_years
    return given.daily_users * given.entries * given.entry_bytes + videos * given.video_bytes


def remembered_bytes(given: Assumptions) -> float:
    """What all Redis lanes together remember of recent ids."""
    return given.plays * given.window_s * given.remembered_bytes


def stored_a_day(given: Assumptions) -> float:
    """Bytes that one copy of the log grows by in a day."""
    return sum(given.rates.values()) * given.event_bytes * given.compressed * DAY_S


def a_play(given: Assumptions, topics: Iterable[str]) -> float:
    """Events of these topics for each play."""
    return sum(given.rates.get(topic, 0.0) for topic in topics) / given.plays


def _read(given: Assumptions, topics: Iterable[str]) -> float:
    return a_play(given, topics) * given.plays


def _reads(given: Assumptions) -> float:
    return given.plays / given.plays_a_read


def _packed(cores: float, machine: Machine) -> int:
    return ceil(cores / machine.cores)


def _power(number: float) -> int:
    return 1 << max(0, ceil(number) - 1).bit_length()


def _by_need(name: str, busy: float, need: Mapping[str, float], unit: str, least: int = 1) -> Part:
    because = max(need, key=lambda one: need[one])
    number = max(least, ceil(need[because]))
    return Part(name, busy, number, unit, number, because)
