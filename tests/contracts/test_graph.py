"""The graph's contract, held by the memory twin and by Redis alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis
import redis.asyncio

from projections.graph.memory import MemoryGraph
from projections.graph.redis import RedisGraphFold, RedisGraphReads
from projections.graph.store import GraphCounts, GraphReads
from projections.position import PositionConflict
from tests.builders import batch_of, followed, unfollowed

pytest_plugins = ["tests.redis_server"]
pytestmark = pytest.mark.servers


@dataclass
class Room:
    fold: Any
    reads: GraphReads


@pytest.fixture(params=["memory", "redis"])
def room(
    request: pytest.FixtureRequest,
    redis_client: redis.Redis,
    redis_reader: redis.asyncio.Redis,
    generations: Iterator[int],
) -> Room:
    if request.param == "memory":
        twin = MemoryGraph()
        return Room(twin, twin)
    generation = next(generations)
    return Room(RedisGraphFold(redis_client, generation), RedisGraphReads(redis_reader, generation))


async def test_a_follow_is_seen_from_both_ends(room: Room) -> None:
    room.fold.apply(batch_of(followed("ann", "bob", 1), followed("cyd", "bob", 2)), None)
    assert await room.reads.follows("ann", ["bob", "cyd"]) == [True, False]
    assert await room.reads.counts(["bob", "ann", "dan"]) == [
        GraphCounts(followers=2),
        GraphCounts(following=1),
        GraphCounts(),
    ]
    assert await room.reads.followers("bob", None, 10) == [(2, "cyd"), (1, "ann")]
    assert await room.reads.following("ann", None, 10) == [(1, "bob")]


async def test_pages_go_on_after_the_keyset_within_one_millisecond_too(room: Room) -> None:
    fans = [followed(f"fan{n}", "bob", 5 if n < 4 else n) for n in range(8)]
    room.fold.apply(batch_of(*fans), None)
    everyone = await room.reads.followers("bob", None, 50)
    assert len(everyone) == 8
    paged: list[tuple[int, str]] = []
    while page := await room.reads.followers("bob", paged[-1] if paged else None, 3):
        paged += page
    assert paged == everyone


async def test_a_late_retry_of_the_follow_stays_unfollowed(room: Room) -> None:
    follow = followed("ann", "bob", 5)
    room.fold.apply(batch_of(follow, unfollowed("ann", "bob", 6)), None)
    room.fold.apply(batch_of(follow, start=2), 2)
    assert await room.reads.follows("ann", ["bob"]) == [False]
    assert await room.reads.counts(["bob"]) == [GraphCounts()]


async def test_an_unfollow_that_comes_before_its_follow_wins(room: Room) -> None:
    room.fold.apply(batch_of(unfollowed("ann", "bob", 6)), None)
    room.fold.apply(batch_of(followed("ann", "bob", 5), start=1), 1)
    assert await room.reads.follows("ann", ["bob"]) == [False]


async def test_nobody_follows_themselves(room: Room) -> None:
    room.fold.apply(batch_of(followed("ann", "ann", 1)), None)
    assert await room.reads.counts(["ann"]) == [GraphCounts()]
    assert room.fold.snapshot() == {}


async def test_a_batch_that_does_not_begin_where_the_store_stands_changes_nothing(room: Room) -> None:
    room.fold.apply(batch_of(followed("ann", "bob", 1)), None)
    before = room.fold.snapshot()
    with pytest.raises(PositionConflict) as refused:
        room.fold.apply(batch_of(unfollowed("ann", "bob", 2)), None)
    assert refused.value.stored == 1
    assert room.fold.snapshot() == before
    assert room.fold.position("rf.graph.v1", 0) == 1
    assert room.fold.position("rf.graph.v1", 1) is None


async def test_nothing_asked_is_nothing_answered(room: Room) -> None:
    assert await room.reads.follows("ann", []) == []
    assert await room.reads.counts([]) == []
    assert await room.reads.followers("ann", None, 10) == []


async def test_a_clock_far_ahead_does_not_win_for_ever(room: Room) -> None:
    year = 365 * 24 * 3_600_000
    ahead = followed("ann", "bob", year, received_at=1_000)
    room.fold.apply(batch_of(ahead, unfollowed("ann", "bob", 1_000 + 10 * 60_000)), None)
    assert await room.reads.follows("ann", ["bob"]) == [False]
