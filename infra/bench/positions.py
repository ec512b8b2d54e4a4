"""How far the folds are, asked of the stores: a position moves with the change it belongs to, so what lies
before it can be read."""

from typing import TYPE_CHECKING, Any

from infra.chaos.log import Place, Vector
from projections.analytics.queries import Tables, every_run
from projections.analytics.runs import Run, chain
from projections.redis_ledger import key
from projections.topology import IN_REDIS

if TYPE_CHECKING:
    import redis
    from clickhouse_connect.driver.client import Client as ClickHouse

Names = list[tuple[str, Place]]
"""Keys of positions, each with its place."""


def names_of(generation: int, places: Vector) -> Names:
    """The keys of every Redis fold's position in these places."""
    return [
        (key(generation, "position", fold, *place), place)
        for place in places
        for fold, topics in IN_REDIS.items()
        if place[0] in topics
    ]


def positions(client: "redis.Redis", names: Names) -> dict[Place, int]:
    """The next offset in each place: that of the slowest fold."""
    found: dict[Place, int] = {}
    stored: list[Any] = client.mget([name for name, _ in names])
    for (_, place), text in zip(names, stored, strict=True):
        found[place] = min(int(text or 0), found.get(place, int(text or 0)))
    return found


def folded(client: "redis.Redis", names: Names, ends: Vector) -> int:
    """Records before these ends that every Redis fold has behind it."""
    at = positions(client, names)
    return sum(min(at.get(place, end), end) for place, end in ends.items())


def loaded(client: "ClickHouse", tables: Tables, ends: Vector) -> Vector:
    """The next offset in each place whose rows are all in ClickHouse, up to these ends."""
    runs: dict[Place, list[Run]] = {}
    for topic, partition, *one in client.query(every_run(tables).sql).result_rows:
        runs.setdefault((str(topic), int(partition)), []).append(Run(*one))
    found = {place: whole.next for place, some in runs.items() if (whole := chain(some)) is not None}
    return {place: min(found.get(place, 0), end) for place, end in ends.items()}


def counts_of(client: "redis.Redis", prefix: str, cut: str) -> dict[str, dict[str, int]]:
    """video -> views and likes under keys of this prefix, where not 0; ``cut`` is left off the names."""
    names = list(client.scan_iter(f"{prefix}*", count=1000))
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hmget(name, "views", "likes")
        held = pipe.execute()
    found = {
        name.removeprefix(cut): {
            kind: int(number)
            for kind, number in zip(("views", "likes"), one, strict=True)
            if int(number or 0)
        }
        for name, one in zip(names, held, strict=True)
    }
    return {video: numbers for video, numbers in found.items() if numbers}
