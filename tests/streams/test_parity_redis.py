"""Sums of a generation's keys: the same facts give the same sums however they were cut; one altered key is
named, with what both sides hold."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
import redis

from infra.settings import Settings
from projections.trending.redis import RedisTrendingFold
from streams.folds import redis_folds
from streams.parity import redis as parity_redis
from streams.parity.keys import EXCLUDED
from streams.parity.redis import RedisGeneration, differing
from tests.api.stage import playable
from tests.builders import (
    Event,
    Log,
    commented,
    deleted,
    followed,
    impression,
    liked,
    registered,
    unfollowed,
    view_started,
)

pytest_plugins = ["tests.redis_server"]
pytestmark = pytest.mark.servers
SETTINGS = Settings(feed_cap=4, celebrity_followers=3)


def history() -> list[Event]:
    people = [f"p{n}" for n in range(8)]
    events = [registered(who, 1) for who in people]
    for n in range(12):
        events += playable(people[n % 3], f"v{n}", 10 + n)
        events += [followed(people[(n + k) % 8], people[n % 3], 20 + n) for k in range(1, 4)]
        events += [
            liked(people[n % 8], f"v{n}", 30 + n),
            impression(people[(n + 1) % 8], f"v{n}", "r1", 30 + n),
            view_started(people[n % 8], f"v{n}", f"w{n}", 31 + n),
            commented(people[n % 8], f"v{n}", f"c{n}", 32 + n),
        ]
    return [*events, unfollowed("p1", "p0", 90), deleted("p1", "v1", 91)]


def fill(client: redis.Redis, generation: int, seed: int) -> None:
    """Fold the history in batches and an order of partitions of this seed's own."""
    random = Random(seed)
    log = Log(partitions=2).extend(history())
    for fold in redis_folds(client, SETTINGS, generation):
        rest = {(one.topic, one.partition): one for one in log.batches(*fold.topics)}
        while rest:
            place = random.choice(sorted(rest))
            batch = rest.pop(place)
            cut = min(batch.next, batch.start + random.randint(1, 9))
            fold.apply(batch.until(cut), batch.start or None)
            if cut < batch.next:
                rest[place] = batch.since(cut)
        if isinstance(fold, RedisTrendingFold):
            fold.rank(fold.clock())


@pytest.fixture
def two(redis_client: redis.Redis, generations: Iterator[int]) -> tuple[int, int]:
    one, other = next(generations), next(generations)
    fill(redis_client, one, 1)
    fill(redis_client, other, 2)
    redis_client.hset(f"g{one}:lag", "f|t|0", "{}")
    return one, other


def compared(client: redis.Redis, two: tuple[int, int]) -> tuple[dict[str, Any], int, list[Any]]:
    sides = [RedisGeneration(client, generation, SETTINGS) for generation in two]
    one, other = (side.content() for side in sides)
    number, found = differing(sides[0], sides[1], one, other, 20)
    assert (one.sums == other.sums) is (number == 0)
    return one.sums, number, found


def test_however_it_was_cut_the_sums_are_the_same(redis_client: redis.Redis, two: tuple[int, int]) -> None:
    sums, number, found = compared(redis_client, two)
    assert (number, found) == (0, [])
    kinds = {"user", "video", "videos_of", "count", "likes", "said", "comments", "follow", "following"}
    assert (
        kinds | {"feed:page", "feed:edges", "trend:1h", "job", "watched", "displayed", "clock"} <= sums.keys()
    )
    assert not sums.keys() & {"lag", "position", "trend:rank", "feed:pushed", "feed:latest"}
    assert sums["count"].count == 12
    assert all(EXCLUDED.values()), "each has its reason"


ALTERATIONS: dict[str, Callable[[redis.Redis, str], Any]] = {
    "count:v3": lambda client, key: client.hincrby(key, "likes", 1),
    "video:v3": lambda client, key: client.hdel(key, "published"),
    "comments:v5": lambda client, key: client.delete(key),
    "displayed:p9": lambda client, key: client.rpush(key, "5 v1"),
    "feed:timeline:p2": lambda client, key: client.zadd(key, {"v2": 77}),
}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_an_altered_key_is_named_with_both_contents(
    redis_client: redis.Redis, two: tuple[int, int], name: str
) -> None:
    ALTERATIONS[name](redis_client, f"g{two[1]}:{name}")
    _, number, found = compared(redis_client, two)
    assert name in [one.name for one in found]
    assert number == len(found)
    altered = next(one for one in found if one.name == name)
    assert altered.left != altered.right


def test_large_keys_are_read_in_slices_and_differ_too(
    redis_client: redis.Redis, two: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parity_redis, "SLICE", 2)
    assert compared(redis_client, two)[1] == 0
    redis_client.hset(f"g{two[1]}:follow:p3", "p0", "altered")
    redis_client.zadd(f"g{two[1]}:followers:p0", {"p9": 5})
    assert {"follow:p3", "followers:p0"} == {one.name for one in compared(redis_client, two)[2]}


def test_lines_say_the_same_in_any_order_and_however_often(
    redis_client: redis.Redis, two: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parity_redis, "SLICE", 2)
    lines = [f"{at} v{at}" for at in range(100)]
    for generation, said in zip(two, (lines, ["#9", *lines[::-1] * 3]), strict=True):
        redis_client.delete(f"g{generation}:watched:p0")
        redis_client.rpush(f"g{generation}:watched:p0", *said)
    assert compared(redis_client, two)[1] == 0


def test_a_count_that_came_back_to_zero_never_was(redis_client: redis.Redis, two: tuple[int, int]) -> None:
    redis_client.hset(f"g{two[1]}:count:v3", "shares", 0)
    redis_client.hset(f"g{two[1]}:count:nobody", "likes", 0)
    assert compared(redis_client, two)[1] == 0
