"""Trending's contract, held by the memory twin and by Redis alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis
import redis.asyncio

from projections.trending.fold import WINDOWS
from projections.trending.memory import MemoryTrending
from projections.trending.redis import RedisTrendingFold, RedisTrendingReads
from projections.trending.redis_ranking import end_turn, take_turn
from projections.trending.store import Ranked, TrendingReads, Window
from tests.builders import Event, batch_of, commented, liked, shared, unliked, view_started

pytest_plugins = ["tests.redis_server"]
pytestmark = pytest.mark.servers
HOUR = 3_600_000
DAY = 24 * HOUR
NOW = 1_000 * DAY + 30 * 60_000


@dataclass
class Room:
    fold: Any
    reads: TrendingReads

    def engage(self, *events: Event, appended_at: int = NOW) -> None:
        """Fold these after what was folded before."""
        batch = batch_of(*events, appended_at=appended_at)
        position = self.fold.position(batch.topic, 0)
        self.fold.apply(batch_of(*events, start=position or 0, appended_at=appended_at), position)

    async def top(self, window: Window = "1h", clock: int = NOW) -> list[Ranked]:
        self.fold.rank(clock)
        return [(round(score, 9), video) for score, video in await self.reads.top(window, None, 50)]


@pytest.fixture(params=["memory", "redis"])
def room(
    request: pytest.FixtureRequest,
    redis_client: redis.Redis,
    redis_reader: redis.asyncio.Redis,
    generations: Iterator[int],
) -> Room:
    if request.param == "memory":
        twin = MemoryTrending()
        return Room(twin, twin)
    generation = next(generations)
    return Room(RedisTrendingFold(redis_client, generation), RedisTrendingReads(redis_reader, generation))


async def test_the_weights_of_the_kinds(room: Room) -> None:
    room.engage(liked("ann", "v1", NOW), shared("ann", "v2", NOW), commented("ann", "v3", "c1", NOW))
    room.engage(view_started("ann", "v4", "w1", NOW), view_started("ann", "v1", "w2", NOW))
    assert await room.top() == [(4.0, "v2"), (3.0, "v3"), (2.1, "v1"), (0.1, "v4")]


async def test_a_person_counts_once_for_each_kind_video_and_hour(room: Room) -> None:
    room.engage(*(view_started("ann", "v1", f"w{n}", NOW + n) for n in range(5)))
    room.engage(view_started("ann", "v1", "w9", NOW + 9), view_started("bob", "v1", "w8", NOW))
    assert await room.top() == [(0.2, "v1")]
    room.engage(view_started("ann", "v1", "w10", NOW - HOUR))
    assert await room.top("7d") == [(round(0.2 + 0.1 * 0.5 ** (4 / 168), 9), "v1")]


async def test_what_is_taken_back_is_not_subtracted(room: Room) -> None:
    room.engage(liked("ann", "v1", NOW), unliked("ann", "v1", NOW + 1), liked("ann", "v1", NOW + 2))
    assert await room.top() == [(2.0, "v1")]


async def test_a_score_halves_every_quarter_of_its_window(room: Room) -> None:
    room.engage(liked("ann", "v1", NOW))
    assert await room.top("1h", NOW + HOUR // 4) == [(1.0, "v1")]
    assert await room.top("1h", NOW + HOUR // 2) == [(0.5, "v1")]
    assert await room.top("24h", NOW + 6 * HOUR) == [(1.0, "v1")]
    assert await room.top("1h", NOW + HOUR) == []
    assert await room.top("7d", NOW + 7 * DAY // 4) == [(1.0, "v1")]


async def test_ranking_again_changes_nothing_and_outdated_buckets_go(room: Room) -> None:
    room.engage(liked("ann", "v1", NOW))
    assert await room.top() == await room.top()
    assert room.fold.snapshot()
    later = NOW + 9 * DAY
    assert await room.top("7d", later) == []
    room.engage(liked("ann", "v2", later), appended_at=later)
    assert room.fold.clock() == later
    assert set(room.fold.snapshot()) == {f"trend:5m:{later // 300_000}", f"trend:1h:{later // HOUR}"}
    assert await room.top("7d", later) == [(2.0, "v2")]


async def test_pages_go_on_after_the_keyset_among_equal_scores_too(room: Room) -> None:
    room.engage(*(liked("ann", f"v{n}", NOW) for n in range(7)), shared("ann", "v3", NOW))
    everything = await room.top()
    assert everything[0] == (6.0, "v3")
    paged: list[Ranked] = []
    while page := await room.reads.top("1h", paged[-1] if paged else None, 3):
        paged += page
    assert paged == everything


async def test_at_most_the_first_thousand(room: Room) -> None:
    room.engage(*(liked("ann", f"v{n:04}", NOW) for n in range(1_003)))
    room.fold.rank(NOW)
    ranked = await room.reads.top("24h", None, 2_000)
    assert [video for _, video in ranked] == [f"v{n:04}" for n in range(1_002, 2, -1)]


async def test_the_first_thousand_are_those_of_the_greatest_scores(room: Room) -> None:
    people = {f"v{n:04}": 1 + n * 7919 % 5 for n in range(1_400)}
    views = [
        view_started(f"p{nth}", video, f"{video}-{nth}", NOW - nth % 3 * HOUR)
        for video, count in people.items()
        for nth in range(count)
    ]
    room.engage(*views)
    twin = MemoryTrending()
    batch = batch_of(*views, appended_at=NOW)
    twin.apply(batch, None)
    twin.rank(NOW)
    room.fold.rank(NOW)
    for window in WINDOWS:
        told = await room.reads.top(window, None, 2_000)
        expected = [(round(score, 9), video) for score, video in twin.state.ranks[window]]
        assert [(round(score, 9), video) for score, video in told] == expected


async def test_workers_rank_by_turns(redis_client: redis.Redis, generations: Iterator[int]) -> None:
    generation = next(generations)
    one, other = (RedisTrendingFold(redis_client, generation) for _ in range(2))
    rank = one.ledger.key("trend", "rank", "1h")
    one.apply(batch_of(liked("ann", "v1", NOW), appended_at=NOW), None)
    one.rank_in_turn("5m")
    assert redis_client.zscore(rank, "v1") == 2.0
    redis_client.delete(rank)
    other.rank_in_turn("5m")
    assert not redis_client.exists(rank), "it was just done"
    other.rank_in_turn("1h")
    assert redis_client.exists(one.ledger.key("trend", "rank", "7d"))
    turn = one.ledger.key("trend", "turn", "5m")
    assert 0 < redis_client.pttl(turn) <= 10_000
    redis_client.delete(turn)
    other.rank_in_turn("5m")
    assert redis_client.zscore(rank, "v1") == 2.0


async def test_who_ranked_long_rests_long(redis_client: redis.Redis, generations: Iterator[int]) -> None:
    ledger = RedisTrendingFold(redis_client, next(generations)).ledger
    assert take_turn(ledger, "1h")
    assert not take_turn(ledger, "1h")
    end_turn(ledger, "1h", 0.001)
    assert 0 < redis_client.pttl(ledger.key("trend", "turn", "1h")) <= 2_000
    end_turn(ledger, "1h", 3.0)
    assert 50_000 < redis_client.pttl(ledger.key("trend", "turn", "1h")) <= 60_000


async def test_a_rank_that_is_as_it_was_is_not_written(
    redis_client: redis.Redis, generations: Iterator[int]
) -> None:
    def changes() -> int:
        return int(redis_client.info("persistence")["rdb_changes_since_last_save"])

    fold = RedisTrendingFold(redis_client, next(generations))
    fold.apply(batch_of(liked("ann", "v1", NOW), liked("ann", "v2", NOW), appended_at=NOW), None)
    fold.rank(NOW)
    before = changes()
    fold.rank(NOW)
    assert changes() == before, "what is written goes into Redis' log, and is carried out again at its start"
    fold.rank(NOW + HOUR)
    assert changes() > before
