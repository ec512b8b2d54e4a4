"""The laws of catalog, graph and feed: memory and Redis, any batching, any interleaving, any order agree."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.catalog.memory import MemoryCatalog
from projections.catalog.redis import RedisCatalogFold
from projections.feed.memory import MemoryFeed
from projections.feed.redis import RedisFeedFold
from projections.graph.memory import MemoryGraph
from projections.graph.redis import RedisGraphFold
from tests.builders import Event, Log
from tests.laws.social import (
    EVERYONE_FOLLOWS,
    Make,
    about_user,
    about_video,
    apply_again,
    deletions,
    folded,
    folded_together,
    follows,
    publications,
    shuffled,
    unfollows,
)
from tests.strategies import flushes, schedules

pytest_plugins = ["tests.redis_server"]
pytestmark = pytest.mark.servers
CAP = 3

texts = st.sampled_from(["x", "y"])
catalog_events = st.one_of(
    about_user("user.registered", username=texts),
    about_user("user.profile_updated", username=st.none() | texts, bio=st.none() | texts),
    about_video("video.upload_started", upload_id=texts, creator_id=texts),
    about_video("video.validated", width=st.integers(1, 9)),
    about_video("video.rejected", code=texts),
    about_video("video.described", title=texts),
    about_video("rendition.created", key=texts, rung=st.integers(1, 3)),
    about_video("playlist.created", key=texts),
    about_video("thumbnail.created", key=texts),
    about_video("transcode.completed"),
    about_video("transcode.failed", terminal=st.booleans()),
    publications,
    deletions,
)
EVENTS: dict[str, st.SearchStrategy[list[Event]]] = {
    "catalog": st.lists(catalog_events, max_size=30),
    "graph": st.lists(st.one_of(follows, unfollows), max_size=30),
    "feed": st.builds(
        list.__add__,
        st.sampled_from([[], EVERYONE_FOLLOWS, EVERYONE_FOLLOWS]),
        st.lists(st.one_of(follows, unfollows, publications, publications, deletions), max_size=50),
    ),
}


@pytest.fixture(scope="module")
def rooms(redis_client: redis.Redis, generations: Iterator[int]) -> dict[str, list[Make]]:
    """Room -> its twins; the memory twin of a feed is its definition, the others are ways to get there."""

    def feed(celebrity_followers: int, budget: int) -> Make:
        return lambda: RedisFeedFold(redis_client, next(generations), celebrity_followers, CAP, budget)

    return {
        "catalog": [MemoryCatalog, lambda: RedisCatalogFold(redis_client, next(generations))],
        "graph": [MemoryGraph, lambda: RedisGraphFold(redis_client, next(generations))],
        "feed": [lambda: MemoryFeed(cap=CAP), feed(1_000, 2_000), feed(2, 2_000), feed(2, 1), feed(1, 3)],
    }


@pytest.fixture(scope="module", autouse=True)
def clean(redis_client: redis.Redis) -> Iterator[None]:
    """Hypothesis writes thousands of generations: leave none behind."""
    yield
    redis_client.flushdb()


def law(examples: int) -> settings:
    return settings(max_examples=examples, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", EVENTS)
@law(60)
@given(data=st.data())
def test_batching_interleaving_and_twins_agree(name: str, rooms: dict[str, list[Make]], data: Any) -> None:
    log = Log(partitions=2).extend(data.draw(EVENTS[name]))
    topics = rooms[name][0]().topics
    expected = folded(rooms[name][0](), log.batches(*topics))
    for make in rooms[name]:
        assert folded(make(), data.draw(schedules(log, *topics))) == expected


@pytest.mark.parametrize("name", EVENTS)
@law(40)
@given(data=st.data())
def test_partitions_folded_together_are_as_one_by_one(
    name: str, rooms: dict[str, list[Make]], data: Any
) -> None:
    log = Log(partitions=2).extend(data.draw(EVENTS[name]))
    topics = rooms[name][0]().topics
    expected = folded(rooms[name][0](), log.batches(*topics))
    for make in rooms[name]:
        assert folded_together(make(), data.draw(flushes(log, *topics))) == expected


@pytest.mark.parametrize("name", EVENTS)
@law(40)
@given(data=st.data())
def test_the_facts_decide_not_their_order_nor_how_often_they_come(
    name: str, rooms: dict[str, list[Make]], data: Any
) -> None:
    events = data.draw(EVENTS[name])
    expected = folded(rooms[name][0](), Log(partitions=2).extend(events).batches())
    again = shuffled(events, data.draw(st.integers(0, 1_000)))
    for make in rooms[name]:
        room = make()
        assert folded(room, again.batches(*room.topics)) == expected


@pytest.mark.parametrize("name", EVENTS)
@law(30)
@given(data=st.data())
def test_a_batch_that_comes_again_changes_nothing(name: str, rooms: dict[str, list[Make]], data: Any) -> None:
    log = Log(partitions=2).extend(data.draw(EVENTS[name]))
    for make in rooms[name]:
        room = make()
        batches = data.draw(schedules(log, *room.topics))
        once = folded(room, batches)
        for batch in data.draw(st.permutations(batches)):
            apply_again(room, batch)
        assert room.snapshot() == once
