"""What every fold promises that names the events it looks at: the others leave no trace, by whichever door.

A lane may have decoded them (one that parks does, a replay does) or passed them by; state and stream clock
must be the same, or parity finds two equal generations apart.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from projections.engagement.memory import MemoryEngagement
from projections.engagement.redis import RedisEngagementFold
from projections.graph.memory import MemoryGraph
from projections.graph.redis import RedisGraphFold
from projections.seen.memory import MemorySeen
from projections.seen.redis import RedisSeenFold
from schemas.batch import RecordBatch, TopicBatch
from tests.builders import (
    batch_of,
    followed,
    impression,
    liked,
    unfollowed,
    unliked,
    view_ended,
    view_started,
)

pytest_plugins = ["tests.redis_server"]
pytestmark = pytest.mark.servers

Make = Callable[[redis.Redis, int], Any]
FOLLOWS = [followed("ann", "bob", 1), unfollowed("ann", "bob", 2), followed("cyd", "bob", 3)]
LIKES = [liked("ann", "v1", 1), unliked("ann", "v1", 2)]
VIEWS = [view_started("ann", "v1", "w1", 1), view_ended("ann", "v1", "w1", 9)]
CASES: dict[str, tuple[Make, set[str], list[list[Any]]]] = {
    "memory": (lambda *_: MemoryGraph(), {"user.followed"}, [FOLLOWS]),
    "redis": (RedisGraphFold, {"user.followed"}, [FOLLOWS]),
    "memory, topics": (lambda *_: MemoryEngagement(), {"video.liked", "view.started"}, [LIKES, VIEWS]),
    "redis, topics": (RedisEngagementFold, {"video.liked", "view.started"}, [LIKES, VIEWS]),
    "memory, seen": (lambda *_: MemorySeen(), {"view.started"}, [VIEWS, [impression("ann", "v2", "r", 1)]]),
    "redis, a script": (RedisSeenFold, {"view.started"}, [VIEWS, [impression("ann", "v2", "r", 1)]]),
}


def each(fold: Any, batches: list[RecordBatch]) -> None:
    for one in batches:
        fold.apply(one, None)


def together(fold: Any, batches: list[RecordBatch]) -> None:
    for one in batches:
        fold.apply_together(TopicBatch.of([one]), [None])


def topics(fold: Any, batches: list[RecordBatch]) -> None:
    fold.apply_topics([TopicBatch.of([one]) for one in batches], [[None]] * len(batches))


DOORS = [(case, door) for case in CASES for door in (each, together)] + [
    (case, topics) for case in CASES if case.endswith("topics")
]


@pytest.mark.parametrize(("case", "door"), DOORS)
def test_what_it_does_not_look_at_moves_its_position_only(
    case: str,
    door: Callable[[Any, list[RecordBatch]], None],
    redis_client: redis.Redis,
    generations: Iterator[int],
) -> None:
    make, looked_at, kinds = CASES[case]
    whole = [batch_of(*records, appended_at=50) for records in kinds]
    whole = [
        RecordBatch.of([one, batch_of(*records, start=one.next, appended_at=90)])
        for one, records in zip(whole, kinds, strict=True)
    ]
    told, given = make(redis_client, next(generations)), make(redis_client, next(generations))
    told.events = frozenset(looked_at)
    door(told, whole)
    door(given, [one.only(looked_at) for one in whole])
    for one in whole:
        place = one.topic, one.partition
        assert told.position(*place) == given.position(*place) == one.next
        assert told.stream_clock(*place) == given.stream_clock(*place)
    assert told.snapshot() == given.snapshot()
