"""The laws of engagement, seen and trending: memory and Redis, any batching, any interleaving agree."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.engagement.memory import MemoryEngagement
from projections.engagement.redis import RedisEngagementFold
from projections.position import FoldsTopics
from projections.seen.memory import MemorySeen
from projections.seen.redis import RedisSeenFold
from projections.trending.memory import MemoryTrending
from projections.trending.redis import RedisTrendingFold
from schemas.batch import APPENDED_AT, RecordBatch
from tests.laws.social import Make, Room, apply_again, folded, folded_in_steps, folded_together
from tests.strategies import (
    HOUR_MS,
    engagement_events,
    feed_events,
    flushes,
    histories,
    playback_events,
    schedules,
    steps,
)

pytest_plugins = ["tests.redis_server"]
pytestmark = pytest.mark.servers
CAP = 2
PIECE = 1
"""Lines are put in order all the time."""
ROOMS = ("engagement", "seen", "trending")
WINDOW_MS = HOUR_MS


@pytest.fixture(scope="module")
def rooms(redis_client: redis.Redis, generations: Iterator[int]) -> dict[str, list[Make]]:
    """Room -> its twins."""
    return {
        "engagement": [
            lambda: MemoryEngagement(recent_window_ms=WINDOW_MS),
            lambda: RedisEngagementFold(redis_client, next(generations), WINDOW_MS),
        ],
        "seen": [
            lambda: MemorySeen(cap=CAP),
            lambda: RedisSeenFold(redis_client, next(generations), CAP, PIECE),
        ],
        "trending": [
            lambda: MemoryTrending(recent_window_ms=WINDOW_MS),
            lambda: RedisTrendingFold(redis_client, next(generations), WINDOW_MS),
        ],
    }


@pytest.fixture(scope="module", autouse=True)
def clean(redis_client: redis.Redis) -> Iterator[None]:
    """Hypothesis writes thousands of generations: leave none behind."""
    yield
    redis_client.flushdb()


def law(examples: int) -> settings:
    return settings(max_examples=examples, suppress_health_check=[HealthCheck.too_slow])


logs = histories(engagement_events, playback_events, feed_events)


@pytest.mark.parametrize("name", ROOMS)
@law(60)
@given(data=st.data())
def test_batching_interleaving_and_twins_agree(name: str, rooms: dict[str, list[Make]], data: Any) -> None:
    """So a replay into a fresh generation, in whatever batches it reads, equals live."""
    log = data.draw(logs)
    topics = rooms[name][0]().topics
    expected = folded(rooms[name][0](), log.batches(*topics))
    for make in rooms[name]:
        assert folded(make(), data.draw(schedules(log, *topics))) == expected


@pytest.mark.parametrize("name", ROOMS)
@law(40)
@given(data=st.data())
def test_partitions_folded_together_are_as_one_by_one(
    name: str, rooms: dict[str, list[Make]], data: Any
) -> None:
    log = data.draw(logs)
    topics = rooms[name][0]().topics
    expected = folded(rooms[name][0](), log.batches(*topics))
    for make in rooms[name]:
        assert folded_together(make(), data.draw(flushes(log, *topics))) == expected


@pytest.mark.parametrize("name", ROOMS)
@law(40)
@given(data=st.data())
def test_topics_folded_together_are_as_one_by_one(name: str, rooms: dict[str, list[Make]], data: Any) -> None:
    log = data.draw(logs)
    topics = rooms[name][0]().topics
    expected = folded(rooms[name][0](), log.batches(*topics))
    for make in rooms[name]:
        assert folded_in_steps(make(), data.draw(steps(log, *topics))) == expected


def test_counts_and_trends_take_their_topics_at_once(rooms: dict[str, list[Make]]) -> None:
    assert [isinstance(rooms[name][1](), FoldsTopics) for name in ROOMS] == [True, False, True]


@pytest.mark.parametrize("name", ROOMS)
@law(40)
@given(data=st.data())
def test_a_batch_that_comes_again_changes_nothing(name: str, rooms: dict[str, list[Make]], data: Any) -> None:
    log = data.draw(logs)
    for make in rooms[name]:
        room = make()
        batches = data.draw(schedules(log, *room.topics))
        once = folded(room, batches)
        for batch in data.draw(st.permutations(batches)):
            apply_again(room, batch)
        assert room.snapshot() == once


@pytest.mark.parametrize("name", ROOMS)
@law(40)
@given(data=st.data())
def test_a_worker_that_starts_anew_goes_on_as_if_it_had_not(
    name: str, rooms: dict[str, list[Make]], data: Any
) -> None:
    """Its memory is read back from the log, no further than the fold asks for."""
    log = data.draw(logs)
    for make in rooms[name]:
        room = make()
        batches = data.draw(schedules(log, *room.topics))
        expected = folded(make(), batches)
        for batch in batches:
            if data.draw(st.booleans()):
                read_back(room, log.batches(batch.topic))
            room.apply(batch, room.position(batch.topic, batch.partition))
        assert room.snapshot() == expected


def read_back(room: Room, partitions: list[RecordBatch]) -> None:
    """What the lane does on assignment: forget, then warm with the history before the position."""
    for whole in partitions:
        clock = room.stream_clock(whole.topic, whole.partition)
        room.forget(whole.topic, whole.partition)
        past = whole.until(room.position(whole.topic, whole.partition) or 0)
        appended = [at for frame in past.frames.values() for at in frame.select("offset", APPENDED_AT).rows()]
        kept = [offset for offset, at in appended if at >= clock - room.history_ms]
        if kept:
            room.warm(past.since(min(kept)))


@law(60)
@given(log=histories(engagement_events, playback_events, max_step_ms=1_000))
def test_clients_that_send_again_within_the_window_count_once(log: Any) -> None:
    room = MemoryEngagement(recent_window_ms=WINDOW_MS)
    snapshot = folded(room, log.batches(*room.topics))
    views, likes = set(), dict[tuple[str, str], Any]()
    for batch in log.batches(*room.topics):
        for row in batch.rows():
            pair = row["actor_id"], row["video_id"]
            if row["event_type"] == "view.started":
                views.add((row["actor_id"], row["view_id"]))
            elif row["event_type"] in ("video.liked", "video.unliked"):
                word = row["occurred_at"], row["event_id"], row["event_type"] == "video.liked"
                likes[pair] = max(word, likes.get(pair, word))
    counted = [counts for name, counts in snapshot.items() if name.startswith("count:")]
    assert sum(counts.get("views", 0) for counts in counted) == len(views)
    assert sum(counts.get("likes", 0) for counts in counted) == sum(on for _, _, on in likes.values())
