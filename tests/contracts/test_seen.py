"""Seen's contract, held by the memory twin and by Redis alike."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis
import redis.asyncio

from projections.position import PositionConflict, StoreUnavailable
from projections.seen import redis as seen_redis
from projections.seen.lines import compacted
from projections.seen.memory import MemorySeen
from projections.seen.redis import RedisSeenFold, RedisSeenReads
from projections.seen.store import SeenReads
from schemas.batch import RecordBatch, TopicBatch
from tests.builders import batch_of, event, impression, view_ended, view_started

pytest_plugins = ["tests.redis_server"]
pytestmark = pytest.mark.servers
CAP = 3
PIECE = 2
"""Lines are put in order again and again."""


@dataclass
class Room:
    fold: Any
    reads: SeenReads


@pytest.fixture(params=["memory", "redis"])
def room(
    request: pytest.FixtureRequest,
    redis_client: redis.Redis,
    redis_reader: redis.asyncio.Redis,
    generations: Iterator[int],
) -> Room:
    if request.param == "memory":
        twin = MemorySeen(cap=CAP)
        return Room(twin, twin)
    generation = next(generations)
    fold = RedisSeenFold(redis_client, generation, CAP, PIECE)
    return Room(fold, RedisSeenReads(redis_reader, generation, CAP))


async def test_what_was_on_screen_is_seen_and_what_was_played_is_history(room: Room) -> None:
    room.fold.apply(batch_of(impression("ann", "v1", "r1", 1)), None)
    room.fold.apply(batch_of(view_started("ann", "v2", "w1", 2)), None)
    assert await room.reads.seen("ann", ["v2", "v3", "v1"]) == [True, False, True]
    assert await room.reads.seen("bob", ["v1"]) == [False]
    assert await room.reads.seen("ann", []) == []
    assert await room.reads.history("ann", None, 10) == [(2, "v2")]


async def test_what_was_served_moves_the_position_and_nothing_else(room: Room) -> None:
    """Nor the stream clock: a lane that does not decode it folds the same."""
    room.fold.apply(batch_of(impression("ann", "v1", "r1", 1), appended_at=5), None)
    room.fold.apply(batch_of(event("feed.served", "ann", 9), start=1, appended_at=9), 1)
    later = [impression("ann", "v2", "r1", 1) | {"appended_at": 7}, event("feed.served", "ann", 9)]
    both = [batch_of(one, start=start, appended_at=10) for start, one in enumerate(later, 2)]
    room.fold.apply_together(TopicBatch.of([RecordBatch.of(both)]), [2])
    assert room.fold.position("rf.feed.v1", 0) == 4
    assert room.fold.stream_clock("rf.feed.v1", 0) == 7
    assert await room.reads.seen("ann", ["v1", "v2"]) == [True, True]


async def test_a_view_known_by_its_end_stands_at_its_start(room: Room) -> None:
    room.fold.apply(batch_of(view_ended("ann", "v1", "w1", 90, started_at=40)), None)
    assert await room.reads.history("ann", None, 10) == [(40, "v1")]


async def test_watched_again_stands_once_at_the_greatest_time(room: Room) -> None:
    room.fold.apply(batch_of(view_started("ann", "v1", "w2", 9), view_started("ann", "v2", "w3", 5)), None)
    room.fold.apply(batch_of(view_started("ann", "v1", "w1", 2), start=2), 2)
    assert await room.reads.history("ann", None, 10) == [(9, "v1"), (5, "v2")]


async def test_the_newest_are_kept_by_time_then_id(room: Room) -> None:
    views = [view_started("ann", f"v{n}", f"w{n}", 5) for n in (4, 1, 3, 2, 0)]
    room.fold.apply(batch_of(*views), None)
    room.fold.apply(batch_of(view_started("ann", "old", "w9", 4), start=5), 5)
    assert await room.reads.history("ann", None, 10) == [(5, "v4"), (5, "v3"), (5, "v2")]
    assert await room.reads.seen("ann", ["v1", "v2", "old"]) == [False, True, False]
    assert await room.reads.history("ann", (5, "v4"), 1) == [(5, "v3")]
    assert await room.reads.history("ann", (5, "v2"), 10) == []


async def test_a_batch_from_elsewhere_is_refused_and_changes_nothing(room: Room) -> None:
    room.fold.apply(batch_of(impression("ann", "v1", "r1", 1)), None)
    with pytest.raises(PositionConflict):
        room.fold.apply(batch_of(impression("ann", "v2", "r1", 1)), None)
    assert await room.reads.seen("ann", ["v1", "v2"]) == [True, False]


def test_a_redis_that_forgets_a_script_as_soon_as_it_has_it_is_waited_for(
    redis_client: redis.Redis, generations: Iterator[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """redis-py loads a script anew once; a second NOSCRIPT is no bug of the fold."""
    fold, load = RedisSeenFold(redis_client, next(generations)), redis_client.script_load

    def forgotten(script: str) -> Any:
        known = load(script)
        redis_client.script_flush()
        return known

    redis_client.script_flush()
    with monkeypatch.context() as patched:
        patched.setattr(redis_client, "script_load", forgotten)
        with pytest.raises(StoreUnavailable, match="forgets its scripts"):
            fold.apply(batch_of(impression("ann", "v1", "r1", 1)), None)
    assert fold.position("rf.feed.v1", 0) is None
    fold.apply(batch_of(impression("ann", "v1", "r1", 1)), None)
    assert fold.position("rf.feed.v1", 0) == 1


ODD = 'a"b', "c\\d", "e\nf", "\u00e9\u4e2d\U0001f600", "x\x00y", "[1,2]"
"""Ids that a text of lists must not stumble over: nobody checks those of who writes to the log directly."""


async def test_many_videos_of_one_user_and_ids_of_any_letters_are_kept(
    redis_client: redis.Redis, redis_reader: redis.asyncio.Redis, generations: Iterator[int]
) -> None:
    generation, twin = next(generations), MemorySeen()
    fold, reads = RedisSeenFold(redis_client, generation), RedisSeenReads(redis_reader, generation)
    many = [view_started("ann", f"v{n}", f"w{n}", n) for n in range(4_200)]
    odd = [view_started(user, video, "w", 7) for user in ODD for video in ODD]
    shown = [impression("bob", f"v{n}", "r", n) for n in range(2_300)]
    for at, events in enumerate((many + odd, shown)):
        for room in fold, twin:
            room.apply(batch_of(*events), None)
        assert at or await reads.seen(ODD[0], list(ODD)) == [True] * len(ODD)
    assert fold.snapshot() == twin.snapshot()


async def test_what_is_played_after_it_was_shown_pushes_the_oldest_out_of_a_full_history(room: Room) -> None:
    played = [view_started("ann", f"v{n}", f"w{n}", n) for n in range(CAP)]
    room.fold.apply(batch_of(*played), None)
    room.fold.apply(batch_of(impression("ann", "new", "r1", 50)), None)
    room.fold.apply(batch_of(view_started("ann", "new", "w9", 40), start=CAP), CAP)
    assert [video for _, video in await room.reads.history("ann", None, 10)] == ["new", "v2", "v1"]


async def test_lines_are_put_in_order_when_they_are_twice_as_many_as_they_were(
    redis_client: redis.Redis, redis_reader: redis.asyncio.Redis, generations: Iterator[int]
) -> None:
    """So they stay within twice of what counts and a piece, and are not put in order for every view."""
    generation = next(generations)
    fold, reads = (
        RedisSeenFold(redis_client, generation, 100, 8),
        RedisSeenReads(redis_reader, generation, 100),
    )
    name, put_in_order, before = f"g{generation}:watched:ann", 0, 0
    for n in range(2_000):
        fold.apply(batch_of(view_started("ann", f"v{n:04d}", "w", 1_000 + n), start=n), n or None)
        there = redis_client.llen(name)
        put_in_order += there < before
        assert there <= 2 * 100 + 8
        before = there
    assert 15 < put_in_order < 30
    assert await reads.history("ann", None, 2_000) == [
        (1_000 + n, f"v{n:04d}") for n in range(1_999, 1_899, -1)
    ]


def test_who_lost_the_partition_meanwhile_does_not_write_over_its_successor(
    redis_client: redis.Redis, generations: Iterator[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    fold = RedisSeenFold(redis_client, next(generations), CAP, PIECE)

    def slowly(said: Iterable[str], cap: int) -> list[str]:
        redis_client.rpush(fold.ledger.key("watched", "ann"), "9 v9")
        return compacted(said, cap)

    monkeypatch.setattr(seen_redis, "compacted", slowly)
    fold.apply(batch_of(*(view_started("ann", f"v{n}", f"w{n}", n) for n in range(8))), None)
    assert fold.snapshot() == {"watched:ann": [(6, "v6"), (7, "v7"), (9, "v9")]}
