"""A fan-out takes several calls, and the world goes on in between: other partitions, zombies, crashes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, cast

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.feed.memory import MemoryFeed
from projections.feed.redis import RedisFeedFold
from projections.position import PositionConflict
from projections.redis_ledger import Move, RedisLedger
from schemas.batch import RecordBatch
from tests.builders import Event, Log, batch_of, followed, published, unfollowed
from tests.executors import AtOnce
from tests.laws.social import EVERYONE_FOLLOWS, deletions, folded, follows, publications, unfollows
from tests.strategies import cut_at, schedules

pytest_plugins = ["tests.redis_server"]
pytestmark = pytest.mark.servers
CAP = 3

events = st.lists(st.one_of(follows, unfollows, publications, publications, deletions), max_size=40)


class Crash(Exception):
    """The worker that owns the partition dies, and begins again."""


class Death(Exception):
    """A zombie dies for good."""


class Interrupted(RedisLedger):
    """A ledger that lets something happen before each call of a script."""

    happens: Callable[[], None]

    def run_script(self, script: str, keys: Sequence[str], arguments: Any, moves: Sequence[Move]) -> object:
        self.happens()
        return super().run_script(script, keys, arguments, moves)


def interrupted(fold: RedisFeedFold, happens: Callable[[], None]) -> RedisFeedFold:
    """The same fold, as another worker has it, interrupted at every call."""
    ledger = Interrupted(fold.ledger.client, fold.ledger.generation, fold.name)
    ledger.happens = happens
    fold.ledger = ledger
    fold._beside = AtOnce()  # a law draws on its own thread only
    return fold


@settings(max_examples=200)
@given(
    data=st.data(),
    history=events,
    threshold=st.sampled_from([2, 3, 1_000]),
    spare=st.sampled_from([1, 2, 3, 500]),
    slack=st.sampled_from([0, 1, 5, 120_000]),
)
def test_other_workers_between_the_calls_of_a_fan_out(
    data: Any,
    history: list[Event],
    threshold: int,
    spare: int,
    slack: int,
    redis_client: redis.Redis,
    generations: Iterator[int],
) -> None:
    """Two workers own a topic each and take turns at every call; now and then one dies and begins again."""
    log, generation = Log(partitions=1).extend([*EVERYONE_FOLLOWS, *history]), next(generations)
    expected = folded(MemoryFeed(cap=CAP), log.batches(*MemoryFeed.topics))
    first, *graph = singles(log, "rf.graph.v1", len(EVERYONE_FOLLOWS))
    video = data.draw(schedules(log, "rf.video.v1"))
    fold_next(RedisFeedFold(redis_client, generation, threshold, CAP), [first])
    choices = st.sampled_from(["go on", "go on", "other", "other", "zombie", "half", "crash"])

    def worker() -> RedisFeedFold:
        return RedisFeedFold(redis_client, generation, threshold, CAP, budget=1, spare=spare, slack=slack)

    def turn() -> None:
        choice = data.draw(choices)
        if choice == "other" and graph:
            fold_next(worker(), graph)
        elif choice == "zombie" and video:
            attempt(worker(), video[0])
        elif choice == "half" and video:
            attempt(interrupted(worker(), countdown(data.draw(st.integers(1, 4)))), video[0])
        elif choice == "crash":
            raise Crash

    while video:
        try:
            fold_next(interrupted(worker(), turn), video)
        except Crash:
            continue
    while graph:
        fold_next(worker(), graph)
    assert worker().snapshot() == expected
    assert not doubled(redis_client, worker().ledger.key("feed", ""))


@pytest.mark.parametrize("calls", range(6))
@pytest.mark.parametrize("again", [False, True])
def test_who_follows_during_a_fan_out_gets_the_video_once(
    redis_client: redis.Redis, generations: Iterator[int], calls: int, again: bool
) -> None:
    """From the timeline if the fan-out has passed, from the fan-out if not, after a crash no less: between
    any two calls others follow, before and after those who are reached already, and one comes again."""
    generation = next(generations)
    users = ["ann", "cyd", "eve", "gus"]
    worker = partial(RedisFeedFold, redis_client, generation, cap=8, budget=1)
    worker().apply(batch_of(*(followed(user, "bob", 1) for user in users)), None)
    others = [followed(user, "bob", 2) for user in ("abe", "bea", "dan", "flo", "zoe")]
    others += [unfollowed("eve", "bob", 2), followed("eve", "bob", 3)]
    left = iter(range(calls))

    def happens() -> None:
        if next(left, None) is None and worker().position("rf.graph.v1", 0) == len(users):
            worker().apply(batch_of(*others, start=len(users)), len(users))
            if again:
                raise Death

    upload = batch_of(published("bob", "v1", 5))
    attempt(interrupted(worker(), happens), upload)
    if worker().position("rf.video.v1", 0) is None:  # the same step again, with one more in it
        upload = batch_of(published("bob", "v1", 5), published("bob", "v2", 6))
        worker().apply(upload, None)
    expected = [(6, "v2"), (5, "v1")][-upload.next :]
    everyone = sorted({*users, "abe", "bea", "dan", "flo", "zoe"})
    if worker().position("rf.graph.v1", 0) == len(users):
        everyone = users
    assert worker().pages(everyone) == [expected] * len(everyone)
    assert not doubled(redis_client, worker().ledger.key("feed", ""))


def test_a_video_that_turns_out_to_be_another_s_is_on_its_way_no_more(
    redis_client: redis.Redis, generations: Iterator[int]
) -> None:
    """A fan-out is cut short, and before it goes on the publication that counts arrives."""
    worker = partial(RedisFeedFold, redis_client, next(generations), cap=8, budget=1)
    worker().apply(batch_of(*(followed(user, "bob", 1) for user in ("ann", "cyd", "eve"))), None)
    attempt(interrupted(worker(), countdown(1)), batch_of(published("bob", "v1", 9)))
    assert doubled(redis_client, worker().ledger.key("feed", "")), "it is on its way"
    worker().apply(batch_of(published("dan", "v1", 5)), None)
    assert worker().pages(["ann", "cyd", "eve"]) == [[], [], []]
    assert not doubled(redis_client, worker().ledger.key("feed", ""))


def doubled(client: redis.Redis, prefix: str) -> list[str]:
    """Lists that hold a line twice, and fan-outs that are said to be under way still."""
    found = list[str](client.scan_iter(f"{prefix}reaching:*"))
    for name in client.scan_iter(f"{prefix}pushed:*"):
        lines = [line.rstrip() for line in cast(list[str], client.lrange(name, 0, -1)) if line[0].isdigit()]
        found += [name] if len(lines) != len(set(lines)) else []
    return found


def singles(log: Log, topic: str, together: int) -> list[RecordBatch]:
    """The topic's only partition: the first records together, then one by one."""
    (batch,) = log.batches(topic)
    return cut_at(batch, range(together, batch.next))


def fold_next(fold: RedisFeedFold, batches: list[RecordBatch]) -> None:
    """Fold the first of the batches from where the store stands, and take it off when that is done."""
    stored = fold.position(batches[0].topic, batches[0].partition)
    if stored is None or stored < batches[0].next:
        attempt(fold, batches[0])
    batches.pop(0)


def attempt(fold: RedisFeedFold, batch: RecordBatch) -> None:
    """What a zombie does: it may be refused, and it may die."""
    with suppress(PositionConflict, Death):
        fold.apply(batch, fold.position(batch.topic, batch.partition))


def countdown(calls: int) -> Callable[[], None]:
    """Death before the call after so many."""
    left = iter(range(calls))

    def tick() -> None:
        if next(left, None) is None:
            raise Death

    return tick
