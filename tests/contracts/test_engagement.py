"""Engagement's contract, held by the memory twin and by Redis alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis
import redis.asyncio

from projections.engagement.memory import EngagementState, MemoryEngagement
from projections.engagement.redis import RedisEngagementFold, RedisEngagementReads
from projections.engagement.store import Comment, Counts, EngagementReads
from projections.position import PositionConflict
from tests.builders import batch_of, comment_deleted, commented, liked, shared, unliked, view_started

pytest_plugins = ["tests.redis_server"]
pytestmark = pytest.mark.servers
WINDOW_MS = 60_000


@dataclass
class Room:
    fold: Any
    other: Any
    """Another process that folds into the same store."""
    reads: EngagementReads

    async def counts(self, video: str = "v1") -> Counts:
        [found] = await self.reads.counts([video])
        return found


@pytest.fixture(params=["memory", "redis"])
def room(
    request: pytest.FixtureRequest,
    redis_client: redis.Redis,
    redis_reader: redis.asyncio.Redis,
    generations: Iterator[int],
) -> Room:
    if request.param == "memory":
        state = EngagementState()
        twin = MemoryEngagement(state, WINDOW_MS)
        return Room(twin, MemoryEngagement(state, WINDOW_MS), twin)
    generation = next(generations)
    fold, other = (RedisEngagementFold(redis_client, generation, WINDOW_MS) for _ in range(2))
    return Room(fold, other, RedisEngagementReads(redis_reader, generation))


async def test_counts_of_each_kind_and_zeros_for_the_unknown(room: Room) -> None:
    engaged = [
        liked("ann", "v1"),
        liked("bob", "v1"),
        shared("ann", "v1"),
        commented("ann", "v1", "c1"),
        liked("ann", "v2"),
    ]
    room.fold.apply(batch_of(*engaged), None)
    room.fold.apply(batch_of(*(view_started("ann", "v1", f"w{n}") for n in range(3))), None)
    assert await room.reads.counts(["v1", "nothing", "v2"]) == [Counts(3, 2, 1, 1), Counts(), Counts(likes=1)]
    assert await room.reads.counts([]) == []


async def test_liked_tells_what_holds_now(room: Room) -> None:
    room.fold.apply(batch_of(liked("ann", "v1", 1), liked("ann", "v2", 1), unliked("ann", "v2", 2)), None)
    assert await room.reads.liked("ann", ["v2", "v1", "v3"]) == [False, True, False]
    assert await room.reads.liked("bob", ["v1"]) == [False]
    assert await room.reads.liked("ann", []) == []


@pytest.mark.parametrize("like_is_greater", [True, False])
async def test_at_equal_times_the_greater_event_id_wins_in_either_order(
    room: Room, like_is_greater: bool
) -> None:
    low, high = ({"event_id": f"00000000-0000-7000-8000-00000000000{n}"} for n in (1, 2))
    like = liked("ann", "v1", 5) | (high if like_is_greater else low)
    unlike = unliked("ann", "v1", 5) | (low if like_is_greater else high)
    position = None
    for event in (like, unlike, like):
        batch = batch_of(event, start=position or 0)
        room.fold.apply(batch, position)
        position = batch.next
    assert (await room.counts()).likes == like_is_greater


@pytest.mark.parametrize("cuts", [[3], [1, 2], [2, 1], [1, 1, 1]])
async def test_like_at_5_unlike_at_6_and_the_retry_of_the_like_ends_unliked(
    room: Room, cuts: list[int]
) -> None:
    like = liked("ann", "v1", 5)
    waiting, position = [like, unliked("ann", "v1", 6), like], None
    for cut in cuts:
        batch = batch_of(*waiting[:cut], start=position or 0)
        room.fold.apply(batch, position)
        waiting, position = waiting[cut:], batch.next
    assert await room.reads.liked("ann", ["v1"]) == [False]
    assert await room.counts() == Counts()


async def test_a_clock_far_ahead_cannot_win_for_ever(room: Room) -> None:
    cheat = liked("ann", "v1", 10**15, received_at=10**12)
    room.fold.apply(batch_of(cheat, unliked("ann", "v1", 10**12 + 600_000)), None)
    assert await room.reads.liked("ann", ["v1"]) == [False]


async def test_a_retried_view_counts_once_also_in_another_process_that_was_warmed(room: Room) -> None:
    first, retry = view_started("ann", "v1", "w1", 1), view_started("ann", "v1", "w1", 2)
    room.fold.apply(batch_of(first, first, appended_at=10), None)
    room.fold.apply(batch_of(retry, start=2, appended_at=WINDOW_MS), 2)
    assert await room.counts() == Counts(views=1)
    room.other.warm(batch_of(first, first, appended_at=10))
    room.other.apply(batch_of(retry, start=3, appended_at=WINDOW_MS), 3)
    assert await room.counts() == Counts(views=1)


async def test_past_the_window_a_view_id_counts_again_and_forgetting_forgets(room: Room) -> None:
    view = view_started("ann", "v1", "w1")
    room.fold.apply(batch_of(view, appended_at=0), None)
    room.fold.apply(batch_of(view, start=1, appended_at=2 * WINDOW_MS), 1)
    assert await room.counts() == Counts(views=2)
    room.fold.forget("rf.playback.v1", 0)
    room.fold.apply(batch_of(view, start=2, appended_at=2 * WINDOW_MS), 2)
    assert await room.counts() == Counts(views=3)


async def test_a_lost_answer_loses_nothing_and_counts_nothing_twice(room: Room) -> None:
    """The commit took place, its answer did not come: the batch is tried again, and refused."""
    first = batch_of(view_started("ann", "v1", "w1"))
    room.other.apply(first, None)
    with pytest.raises(PositionConflict) as conflict:
        room.fold.apply(first, None)
    assert conflict.value.stored == 1
    room.fold.apply(batch_of(view_started("ann", "v1", "w1"), start=1), 1)
    assert await room.counts() == Counts(views=1)


async def test_a_comment_stands_until_its_actor_takes_it_away(room: Room) -> None:
    said = commented("ann", "v1", "c1", 7, parent_id="c0")
    room.fold.apply(batch_of(said, comment_deleted("eve", "v1", "c1", 8)), None)
    [standing] = await room.reads.comments("v1", None, 10)
    assert standing == Comment("c1", "v1", "ann", 7, "c0", said["event_id"], said["pii"], said["pii_key_id"])
    assert await room.counts() == Counts(comments=1)
    room.fold.apply(batch_of(comment_deleted("ann", "v1", "c1", 9), said, start=2), 2)
    assert await room.reads.comments("v1", None, 10) == []
    assert await room.counts() == Counts()


async def test_a_deletion_by_itself_takes_away_what_was_stored_before(room: Room) -> None:
    said = commented("ann", "v1", "c1", 5), commented("bob", "v1", "c2", 6)
    room.fold.apply(batch_of(*said), None)
    room.fold.apply(batch_of(comment_deleted("ann", "v1", "c1", 9), start=2), 2)
    assert (await room.counts()).comments == 1
    assert [one.comment_id for one in await room.reads.comments("v1", None, 10)] == ["c2"]
    content = room.fold.snapshot()
    assert content["comments:v1"] == [(6, "c2 bob")]
    assert content["said:ann"] == {"c1": None}


async def test_a_deletion_that_comes_first_holds(room: Room) -> None:
    room.fold.apply(batch_of(comment_deleted("ann", "v1", "c1", 9)), None)
    room.fold.apply(batch_of(commented("ann", "v1", "c1", 7), start=1), 1)
    assert await room.counts() == Counts()


async def test_comments_go_on_after_the_keyset_within_one_millisecond_too(room: Room) -> None:
    said = [commented("ann", "v1", f"c{n}", 5 if n < 12 else n) for n in range(15)]
    room.fold.apply(batch_of(*said), None)
    everything = await room.reads.comments("v1", None, 50)
    assert len(everything) == 15
    paged: list[Comment] = []
    while page := await room.reads.comments("v1", _after(paged), 4):
        paged += page
    assert paged == everything


def _after(paged: list[Comment]) -> tuple[int, str] | None:
    return (paged[-1].occurred_at, paged[-1].comment_id) if paged else None


async def test_a_batch_from_elsewhere_is_refused_and_changes_nothing(room: Room) -> None:
    room.fold.apply(batch_of(liked("ann", "v1")), None)
    for expected in (None, 0, 7):
        with pytest.raises(PositionConflict) as conflict:
            room.fold.apply(batch_of(liked("bob", "v1"), start=expected or 0), expected)
        assert conflict.value.stored == 1
    assert await room.counts() == Counts(likes=1)
    assert room.fold.position("rf.engagement.v1", 0) == 1


async def test_a_batch_of_more_commands_than_a_transaction_takes_is_cut(room: Room) -> None:
    fans = [liked(f"fan{n}", f"v{n}") for n in range(6_000)]
    room.fold.apply(batch_of(*fans, appended_at=9), None)
    assert room.fold.position("rf.engagement.v1", 0) == 6_000
    assert room.fold.stream_clock("rf.engagement.v1", 0) == 9
    assert await room.counts("v5999") == Counts(likes=1)


async def test_many_likes_of_one_actor_and_ids_of_any_letters_are_toggled(
    redis_client: redis.Redis, generations: Iterator[int]
) -> None:
    odd = 'a"b', "c\\d", "e\nf", "\u00e9\u4e2d\U0001f600", "x\x00y", "[1,2]"
    videos = [*odd, *(f"v{n}" for n in range(2_500))]
    fold, twin = RedisEngagementFold(redis_client, next(generations)), MemoryEngagement()
    on = batch_of(*(liked(actor, video, 5) for actor in ("ann", *odd) for video in videos[:2_500]))
    off = batch_of(
        *(unliked("ann", video, at) for at, video in enumerate(videos)),
        *(commented(actor, "v1", "c1") for actor in odd),
        start=on.next,
    )
    for room in fold, twin:
        room.apply(on, None)
        room.apply(off, on.next)
    assert fold.snapshot() == twin.snapshot()
    assert twin.state.counts["v9", "likes"] == len(odd)
