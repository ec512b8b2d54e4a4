"""What is told of the folds' lag is never better than what Redis holds."""

from collections.abc import Iterator

import pytest
import redis
import redis.asyncio

from projections.lag import FoldLag, RedisLagReads, RedisLagWrites, whole

pytestmark = pytest.mark.servers
FEED = FoldLag("feed", "rf.video.v1", 0, position=90, end=100, at=5)
ELSEWHERE = FoldLag("analytics", "rf.video.v1", 0, position=90, end=100, at=5)
FRESH = FoldLag("seen", "rf.feed.v1", 1, position=40, end=100, at=5)
"""Nothing of it was folded yet: its position is where the log begins."""


GENERATION = 940_001


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as one:
        yield one
        emptied(one)


def emptied(client: redis.Redis) -> None:
    client.delete(*client.scan_iter(f"g{GENERATION}:*"))


def standing(client: redis.Redis, position: int) -> None:
    client.set(f"g{GENERATION}:position:feed:rf.video.v1:0", position)


async def told(redis_url: str) -> list[FoldLag]:
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as reader:
        return await RedisLagReads(reader, GENERATION, life_s=0).lags()


async def test_places_are_told_as_the_worker_knows_them(client: redis.Redis, redis_url: str) -> None:
    standing(client, 90)
    RedisLagWrites(client, GENERATION).tell([FEED, ELSEWHERE, FRESH])
    assert await told(redis_url) == [ELSEWHERE, FEED, FRESH]


async def test_a_store_that_lost_its_data_is_not_called_up_to_date(
    client: redis.Redis, redis_url: str
) -> None:
    standing(client, 90)
    writes = RedisLagWrites(client, GENERATION)
    writes.tell([FEED, ELSEWHERE])
    emptied(client)
    writes.tell([FEED, ELSEWHERE])
    assert [(one.fold, one.lag) for one in await told(redis_url)] == [("analytics", 10), ("feed", 100)]


async def test_a_store_that_went_back_is_told_as_it_stands(client: redis.Redis, redis_url: str) -> None:
    standing(client, 70)
    RedisLagWrites(client, GENERATION).tell([FEED])
    assert [one.lag for one in await told(redis_url)] == [30]


def test_a_generation_that_lost_its_data_is_whole_again_when_it_is_filled(client: redis.Redis) -> None:
    writes, mark = RedisLagWrites(client, GENERATION, places=2), whole(GENERATION)
    standing(client, 90)
    writes.tell([FEED])
    assert not client.exists(mark), "one of two places was told"
    writes.tell([FEED, FRESH])
    assert client.exists(mark)
    emptied(client)
    writes.tell([FEED, FRESH])
    standing(client, 60)
    writes.tell([FEED, FRESH])
    assert not client.exists(mark), "thirty records are missing"
    standing(client, 90)
    writes.tell([FEED, FRESH])
    assert client.exists(mark)
    standing(client, 80)
    writes.tell([FEED, FRESH])
    assert client.exists(mark), "a second that was not on disk yet is no loss of everything"
