"""The following feed's contract, held by the memory twin and by Redis alike: pushed, pulled, or both."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest
import redis
import redis.asyncio

from projections.feed.carrying import TOGETHER, told
from projections.feed.fold import orders
from projections.feed.memory import MemoryFeed
from projections.feed.redis import SLACK, RedisFeedFold, RedisFeedReads
from projections.feed.store import FeedReads
from projections.position import PositionConflict
from tests.builders import Event, batch_of, deleted, followed, published, unfollowed

pytest_plugins = ["tests.redis_server"]
pytestmark = pytest.mark.servers

CAP = 8
WINDOW = CAP + CAP // 4 + 1
WAYS = {
    "pushed": (1_000, 2_000, 500, SLACK),
    "put in order at once": (1_000, 2_000, 1, 3),
    "put in order by threes": (1_000, 2_000, 3, 0),
    "late": (1_000, 2_000, 64, 2),
    "pulled": (1, 2_000, 500, SLACK),
    "crossing": (2, 2_000, 2, 10),
    "in pieces": (1_000, 1, 2, 1),
}
"""Way -> (celebrity_followers, budget, spare, slack)."""


@dataclass
class Room:
    fold: Any
    reads: FeedReads

    def fold_all(self, *events: Event) -> None:
        """Each event in a batch of its own, in its topic's partition 0."""
        for one in events:
            topic = batch_of(one).topic
            start = self.fold.position(topic, 0)
            self.fold.apply(batch_of(one, start=start or 0), start)

    async def feed(self, user: str) -> list[str]:
        return [video for _, video in await self.reads.following(user, None, 50)]


@pytest.fixture(params=["memory", *WAYS])
def room(
    request: pytest.FixtureRequest,
    redis_client: redis.Redis,
    redis_reader: redis.asyncio.Redis,
    generations: Iterator[int],
) -> Room:
    if request.param == "memory":
        twin = MemoryFeed(cap=CAP)
        return Room(twin, twin)
    (celebrity_followers, budget, spare, slack), generation = WAYS[request.param], next(generations)
    fold = RedisFeedFold(redis_client, generation, celebrity_followers, CAP, budget, spare, slack)
    return Room(fold, RedisFeedReads(redis_reader, generation, CAP, slack))


async def test_a_publication_reaches_the_followers_and_nobody_else(room: Room) -> None:
    room.fold_all(followed("ann", "bob", 1), followed("cyd", "bob", 1), published("bob", "v1", 5))
    assert await room.reads.following("ann", None, 10) == [(5, "v1")]
    assert await room.feed("cyd") == ["v1"]
    assert await room.feed("bob") == []


async def test_a_follow_brings_what_was_published_before(room: Room) -> None:
    room.fold_all(published("bob", "v1", 5), published("bob", "v2", 6), followed("ann", "bob", 9))
    assert await room.feed("ann") == ["v2", "v1"]


async def test_an_unfollow_takes_it_away_and_a_late_retry_does_not_bring_it_back(room: Room) -> None:
    follow = followed("ann", "bob", 5)
    room.fold_all(published("bob", "v1", 1), published("cyd", "w1", 2), followed("ann", "cyd", 3))
    room.fold_all(follow, unfollowed("ann", "bob", 6), follow)
    assert await room.feed("ann") == ["w1"]


async def test_a_deleted_video_is_in_no_feed_whatever_came_first(room: Room) -> None:
    room.fold_all(
        followed("ann", "bob", 1),
        published("bob", "v1", 2),
        deleted("bob", "v1", 3),
        deleted("bob", "v2", 5),
        published("bob", "v2", 4),
        followed("cyd", "bob", 6),
    )
    assert await room.feed("ann") == []
    assert await room.feed("cyd") == []


async def test_a_feed_holds_the_newest_and_is_refilled_after_removals(room: Room) -> None:
    room.fold_all(followed("ann", "bob", 1), followed("ann", "cyd", 1), followed("dan", "cyd", 1))
    room.fold_all(*(published("bob" if n % 3 else "cyd", f"v{n:02}", n) for n in range(40)))
    assert await room.feed("ann") == [f"v{n:02}" for n in range(39, 31, -1)]
    room.fold_all(*(deleted("bob", f"v{n:02}", 50) for n in range(30, 40) if n % 3))
    assert await room.feed("ann") == ["v39", "v36", "v33", "v30", "v29", "v28", "v27", "v26"]
    room.fold_all(unfollowed("ann", "cyd", 60))
    assert await room.feed("ann") == ["v29", "v28", "v26", "v25", "v23", "v22", "v20", "v19"]


async def test_a_follow_brings_more_than_is_kept_and_removals_bring_the_rest(room: Room) -> None:
    room.fold_all(*(published("bob", f"v{n:02}", n) for n in range(40)), followed("ann", "bob", 1))
    room.fold_all(*(deleted("bob", f"v{n:02}", 50) for n in range(30, 40)))
    assert await room.feed("ann") == [f"v{n:02}" for n in range(29, 21, -1)]


async def test_a_follow_of_somebody_older_brings_only_what_is_new_enough(room: Room) -> None:
    room.fold_all(*(published("bob", f"v{n:02}", n) for n in range(0, 60, 2)), followed("ann", "bob", 1))
    room.fold_all(*(published("cyd", f"w{n:02}", n) for n in range(1, 61, 2)), followed("ann", "cyd", 1))
    both = [f"{'v' if n % 2 == 0 else 'w'}{n:02}" for n in range(60)]
    assert await room.feed("ann") == both[:51:-1]
    room.fold_all(*(deleted("cyd", f"w{n:02}", 99) for n in range(31, 61, 2)))
    assert await room.feed("ann") == [f"v{n:02}" for n in range(58, 42, -2)]
    room.fold_all(unfollowed("ann", "bob", 2))
    assert await room.feed("ann") == [f"w{n:02}" for n in range(29, 13, -2)]


async def test_a_late_publication_stands_at_its_time(room: Room) -> None:
    room.fold_all(followed("ann", "bob", 1))
    room.fold_all(*(published("bob", f"v{n}", n + 1) for n in (8, 2, 5)))
    assert await room.feed("ann") == ["v8", "v5", "v2"]


async def test_a_late_publication_does_not_stand_in_for_newer_ones_that_were_trimmed(room: Room) -> None:
    room.fold_all(followed("ann", "bob", 1))
    room.fold_all(*(published("bob", f"v{n:02}", n) for n in range(1, 21)))
    room.fold_all(*(deleted("bob", f"v{n:02}", 30) for n in (20, 19, 18)))
    room.fold_all(published("bob", "late", 31, published_at=5), deleted("bob", "v17", 32))
    assert await room.feed("ann") == [f"v{n:02}" for n in range(16, 8, -1)]


async def test_nor_does_one_that_goes_out_with_a_newer_one(room: Room) -> None:
    room.fold_all(followed("ann", "bob", 1))
    room.fold_all(*(published("bob", f"v{n:02}", n) for n in range(1, 21)))
    room.fold_all(*(deleted("bob", f"v{n:02}", 30) for n in (20, 19, 18)))
    together = published("bob", "late", 31, published_at=5), published("bob", "new", 40)
    room.fold.apply(batch_of(*together, start=23), 23)
    room.fold_all(deleted("bob", "v17", 32), deleted("bob", "new", 41))
    assert await room.feed("ann") == [f"v{n:02}" for n in range(16, 8, -1)]


async def test_a_time_that_no_clock_says_is_read_nevertheless(room: Room) -> None:
    room.fold_all(
        followed("ann", "bob", 1), published("bob", "v1", 5), published("bob", "v2", 6, published_at=-7)
    )
    room.fold_all(published("bob", "v3", 7, published_at=2**62))
    assert await room.feed("ann") == ["v3", "v1", "v2"]


async def test_an_account_without_a_name_follows_nobody(room: Room) -> None:
    """The door lets none in; the log may have one, and a fan-out that went on after it would begin again."""
    room.fold_all(followed("", "bob", 1), followed("ann", "bob", 1), published("bob", "v1", 2))
    assert await room.feed("") == []
    assert await room.feed("ann") == ["v1"]


async def test_late_ones_fill_what_removals_left(room: Room) -> None:
    """So many that the list is put in order while it holds fewer of the newest than it keeps: `late5` and its
    like stand in the feed only after all that was cut off before."""
    room.fold_all(followed("ann", "bob", 1))
    room.fold_all(*(published("bob", f"v{n:02}", n) for n in range(1, 14)))
    room.fold_all(*(deleted("bob", f"v{n:02}", 30) for n in (13, 12)))
    room.fold_all(*(published("bob", f"late{n}", 40, published_at=2) for n in range(6)))
    room.fold_all(*(deleted("bob", f"v{n:02}", 50) for n in range(9, 12)))
    assert await room.feed("ann") == ["v08", "v07", "v06", "v05", "v04", "v03", "v02", "late5"]
    room.fold_all(*(deleted("bob", f"v{n:02}", 60) for n in range(4, 9)))
    assert await room.feed("ann") == ["v03", "v02", "late5", "late4", "late3", "late2", "late1", "late0"]


async def test_a_list_that_is_made_anew_in_a_delivery_has_what_was_delivered(room: Room) -> None:
    """The second late one finds it due, and holding fewer of the newest than it keeps."""
    room.fold_all(followed("ann", "bob", 1), *(published("bob", f"v{n:02}", n) for n in range(1, 14)))
    room.fold_all(*(deleted("bob", f"v{n:02}", 30) for n in (13, 12, 2, 1)))
    room.fold_all(*(published("bob", f"late{n}", 40, published_at=1) for n in (1, 2)))
    room.fold_all(*(deleted("bob", f"v{n:02}", 50) for n in (11, 10, 9, 8)))
    assert await room.feed("ann") == ["v07", "v06", "v05", "v04", "v03", "late2", "late1"]


async def test_the_first_publication_of_a_video_counts_even_if_it_comes_later(room: Room) -> None:
    room.fold_all(followed("ann", "bob", 1), followed("ann", "cyd", 1), followed("dan", "cyd", 1))
    room.fold_all(published("bob", "v1", 9), published("cyd", "v2", 7), published("cyd", "v1", 3))
    assert await room.reads.following("ann", None, 10) == [(7, "v2"), (3, "v1")]
    assert await room.reads.following("dan", None, 10) == [(7, "v2"), (3, "v1")]


async def test_pages_join_without_a_gap_and_end_at_the_cap(room: Room) -> None:
    room.fold_all(followed("ann", "bob", 1))
    room.fold_all(*(published("bob", f"v{n:02}", n, published_at=n // 3) for n in range(12)))
    paged: list[tuple[int, str]] = []
    while page := await room.reads.following("ann", paged[-1] if paged else None, 3):
        paged += page
    assert paged == sorted(((n // 3, f"v{n:02}") for n in range(12)), reverse=True)[:CAP]


async def test_an_account_that_grows_past_the_threshold_loses_and_doubles_nothing(room: Room) -> None:
    room.fold_all(followed("ann", "bob", 1), published("bob", "v1", 2))
    room.fold_all(followed("cyd", "bob", 3), published("bob", "v2", 4))
    room.fold_all(unfollowed("cyd", "bob", 5), published("bob", "v3", 6), followed("dan", "bob", 7))
    assert await room.feed("ann") == ["v3", "v2", "v1"]
    assert await room.feed("dan") == ["v3", "v2", "v1"]
    room.fold_all(deleted("bob", "v1", 8), deleted("bob", "v3", 8))
    assert await room.feed("ann") == ["v2"]
    assert await room.feed("cyd") == []


async def test_many_timelines_are_merged_into_one_feed(room: Room) -> None:
    authors = [f"a{n}" for n in range(9)]
    videos = [(n * 7 % 40, f"v{n:02}") for n in range(90)]
    sent = [published(authors[n % 9], video, 1, published_at=at) for n, (at, video) in enumerate(videos)]
    room.fold_all(followed("ann", "a0", 1), *sent[:45])
    room.fold_all(*(followed("ann", author, 2) for author in authors), followed("bob", "a0", 3), *sent[45:])
    assert await room.reads.following("ann", None, 50) == sorted(videos, reverse=True)[:CAP]


async def test_videos_that_come_both_ways_crowd_out_no_others(room: Room) -> None:
    authors = [f"a{n}" for n in range(9)]
    room.fold_all(followed("ann", "a0", 1), *(published("a0", f"new{n}", 100 + n) for n in range(CAP - 1)))
    room.fold_all(*(followed(user, author, 2) for author in authors for user in ("ann", "bob")))
    room.fold_all(*(published(authors[1 + n % 8], f"old{n:02}", n) for n in range(40)))
    assert await room.feed("ann") == [*(f"new{n}" for n in reversed(range(CAP - 1))), "old39"]


async def test_ids_that_are_prefixes_of_others_are_not_mistaken(room: Room) -> None:
    room.fold_all(followed("ann", "bob", 1), followed("ann", "b:bob", 1))
    room.fold_all(published("bob", "v", 5), published("b:bob", "v:bob", 5), published("b:bob", "v.1", 5))
    assert await room.feed("ann") == ["v:bob", "v.1", "v"]
    room.fold_all(unfollowed("ann", "bob", 2))
    assert await room.feed("ann") == ["v:bob", "v.1"]


async def test_a_batch_that_does_not_begin_where_the_store_stands_changes_nothing(room: Room) -> None:
    room.fold_all(followed("ann", "bob", 1), published("bob", "v1", 2))
    with pytest.raises(PositionConflict) as refused:
        room.fold.apply(batch_of(deleted("bob", "v1", 3)), None)
    assert refused.value.stored == 1
    assert await room.feed("ann") == ["v1"]


async def test_position_and_clock_move_past_events_that_ask_nothing_of_a_feed(room: Room) -> None:
    room.fold.apply(batch_of(followed("ann", "ann", 1), appended_at=77), None)
    assert room.fold.position("rf.graph.v1", 0) == 1
    assert room.fold.stream_clock("rf.graph.v1", 0) == 77


def kept(client: redis.Redis, fold: RedisFeedFold) -> list[str]:
    """The lines pushed to ann, without marks."""
    lines = cast(list[str], client.lrange(fold.ledger.key("feed", "pushed", "ann"), 0, -1))
    return [line for line in lines if line[0].isdigit()]


def test_no_more_is_kept_than_a_feed_and_some_slack(
    redis_client: redis.Redis, generations: Iterator[int]
) -> None:
    fold = RedisFeedFold(redis_client, next(generations), cap=CAP, spare=1)
    room = Room(fold, MemoryFeed())
    room.fold_all(*(published("bob", f"v{n}", n) for n in range(30)), followed("ann", "bob", 1))
    assert len(kept(redis_client, fold)) == WINDOW
    room.fold_all(*(published("bob", f"w{n}", 30 + n) for n in range(30)))
    assert len(kept(redis_client, fold)) <= WINDOW + 1


@pytest.mark.parametrize("slack", [0, 20, SLACK])
@pytest.mark.parametrize("spare", [1, 5, 32])
@pytest.mark.parametrize("step", [1, -1, 7, 37, -37])
def test_in_whatever_order_videos_come_a_feed_stays_small(
    redis_client: redis.Redis, generations: Iterator[int], step: int, spare: int, slack: int
) -> None:
    fold = RedisFeedFold(redis_client, next(generations), cap=CAP, spare=spare, slack=slack)
    room = Room(fold, MemoryFeed())
    room.fold_all(followed("ann", "bob", 1))
    for n in range(100):
        room.fold_all(published("bob", f"v{n}", 1_000 + n * step % 101))
        assert len(kept(redis_client, fold)) <= WINDOW + spare
    assert len(kept(redis_client, fold)) >= CAP


async def test_a_fan_out_that_is_carried_out_again_delivers_nothing_twice(
    redis_client: redis.Redis, redis_reader: redis.asyncio.Redis, generations: Iterator[int]
) -> None:
    """The worker dies before the position is moved, and again."""
    generation = next(generations)
    fold = RedisFeedFold(redis_client, generation, cap=CAP)
    room = Room(fold, RedisFeedReads(redis_reader, generation, CAP))
    room.fold_all(followed("ann", "bob", 1), published("bob", "v0", 1))
    carried_out_again(redis_client, fold, 3, published("bob", "v1", 2))
    assert len(kept(redis_client, fold)) == 2
    assert await room.reads.following("ann", None, 10) == [(2, "v1"), (1, "v0")]
    room.fold_all(deleted("bob", "v1", 3))
    assert await room.feed("ann") == ["v0"]
    assert len(kept(redis_client, fold)) == 1


def carried_out_again(client: redis.Redis, fold: RedisFeedFold, times: int, event: Event) -> None:
    """Fold it, and again as if the position had not moved."""
    position = fold.ledger.key("position", "feed", "rf.video.v1", 0)
    before = client.get(position)
    for _ in range(times):
        client.set(position, cast(str, before))
        fold.apply(batch_of(event, start=int(cast(str, before))), int(cast(str, before)))


@pytest.mark.parametrize("authors", [1, 3, 61])
def test_more_orders_than_one_call_takes_are_all_carried_out(
    redis_client: redis.Redis, generations: Iterator[int], authors: int
) -> None:
    fold = RedisFeedFold(redis_client, next(generations), cap=400)
    fold.apply(batch_of(*(followed("ann", f"bob{n}", 1) for n in range(authors))), None)
    fold.apply(batch_of(*(published(f"bob{n % authors}", f"v{n:03}", n) for n in range(61))), None)
    assert [video for _, video in fold.pages(["ann"])[0]] == [f"v{n:03}" for n in range(60, -1, -1)]
    assert fold.position("rf.video.v1", 0) == 61


async def test_what_an_author_uploads_in_one_step_goes_out_together(room: Room) -> None:
    """To several followers, beside another author's, a deletion and an older video that is there."""
    room.fold_all(followed("ann", "bob", 1), followed("cyd", "bob", 1), followed("ann", "dan", 1))
    room.fold_all(published("bob", "old", 30))
    said = [
        published(author, f"{author}{n}", 10 * n + (author == "dan"))
        for n in range(6)
        for author in ("bob", "dan")
    ]
    room.fold.apply(batch_of(*said, deleted("bob", "bob5", 99), start=1), 1)
    assert await room.feed("cyd") == ["bob4", "old", "bob3", "bob2", "bob1", "bob0"]
    assert await room.feed("ann") == ["dan5", "dan4", "bob4", "dan3", "old", "bob3", "dan2", "bob2"]


async def test_what_an_author_uploads_in_one_step_leaves_the_feeds_of_others(room: Room) -> None:
    """The first of two publications that came in the wrong order counts, of both videos."""
    room.fold_all(followed("ann", "bob", 1), followed("eve", "bob", 1), followed("cyd", "dan", 1))
    room.fold.apply(batch_of(published("bob", "v1", 9), published("bob", "v2", 8)), None)
    assert await room.feed("ann") == await room.feed("eve") == ["v1", "v2"]
    room.fold.apply(batch_of(published("dan", "v1", 5), published("dan", "v2", 4), start=2), 2)
    assert await room.feed("ann") == await room.feed("eve") == []
    assert await room.feed("cyd") == ["v1", "v2"]


async def test_of_two_publications_of_a_video_in_one_step_the_one_that_counts_is_delivered(
    room: Room,
) -> None:
    room.fold_all(followed("ann", "bob", 1), followed("eve", "bob", 1))
    first, second = published("bob", "v", 1, published_at=30), published("bob", "v", 2, published_at=20)
    room.fold.apply(batch_of(published("bob", "w", 3, published_at=25), second, first, second), None)
    assert await room.reads.following("ann", None, 10) == [(30, "v"), (25, "w")]


def test_the_script_is_told_an_author_s_uploads_as_one_order() -> None:
    """As many as go out together, where the first of them stood; the rest in the order of the log."""
    many = [published("bob", f"v{n}", n) for n in range(TOGETHER + 1)]
    asked = told(orders(batch_of(many[0], published("cyd", "w", 7), deleted("cyd", "w", 8), *many[1:])))
    assert [order[:2] for order in asked] == [
        ["publish", "bob"],
        ["publish", "cyd"],
        ["delete", "w"],
        ["publish", "bob"],
    ]
    assert [video for video, *_ in asked[0][2] + asked[3][2]] == [f"v{n}" for n in range(TOGETHER + 1)]
    assert len(asked[0][2]) == TOGETHER


def test_a_cap_beyond_what_a_script_can_handle_is_refused(redis_client: redis.Redis) -> None:
    with pytest.raises(ValueError, match="1 to 2000"):
        RedisFeedFold(redis_client, 1, cap=2_001)


async def test_a_clock_far_ahead_does_not_win_for_ever(room: Room) -> None:
    year = 365 * 24 * 3_600_000
    ahead = followed("ann", "bob", year, received_at=1_000)
    room.fold_all(published("bob", "v1", 5), ahead, unfollowed("ann", "bob", 1_000 + 10 * 60_000))
    assert await room.feed("ann") == []
