"""The same answers from Redis as from memory; one generation a request; 503 when Redis is gone."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import redis
import redis.asyncio

from api.app import build
from api.reading.readers import RedisReadSource
from api.reading.redis_readers import redis_readers
from projections.catalog.redis import RedisCatalogFold, RedisCatalogReads
from projections.engagement.redis import RedisEngagementFold
from projections.feed.redis import RedisFeedFold
from projections.graph.redis import RedisGraphFold
from projections.lag import FoldLag, RedisLagWrites, whole
from projections.live import LIVE_GENERATION
from projections.redis_fold import RedisFold
from projections.seen.redis import RedisSeenFold
from tests.api.stage import Stage, playable
from tests.builders import Event, Log, commented, followed, liked, registered, view_started

pytest_plugins = ["tests.redis_server"]
PATHS = (
    "/v1/feed/following", "/v1/feed/trending", "/v1/videos/v2", "/v1/videos/v2/playback",
    "/v1/videos/v2/comments", "/v1/users/ann", "/v1/users/ann/videos", "/v1/users/ann/followers",
    "/v1/users/bob/following", "/v1/me/history", "/v1/videos/unheard-of",
)  # fmt: skip


@pytest.fixture
def pointer(redis_client: redis.Redis, generations: Iterator[int]) -> Iterator[int]:
    """A fresh generation, which the live pointer names for as long as the test runs."""
    generation = next(generations)
    redis_client.set(LIVE_GENERATION, generation)
    yield generation
    redis_client.delete(LIVE_GENERATION)


def told(stage: Stage) -> Stage:
    stage.tell(registered("ann", 1), registered("bob", 2), followed("bob", "ann", 3))
    for number in range(4):
        about = {"visibility": "private"} if number == 3 else {}
        stage.tell(*playable("ann", f"v{number}", 10 + number, **about))
    stage.tell(liked("bob", "v2", 30), commented("bob", "v2", "c1", 31), view_started("bob", "v1", "w1", 32))
    return stage


def on_redis(stage: Stage, client: redis.asyncio.Redis) -> Stage:
    """The same application, reading from Redis."""
    source = RedisReadSource(client, redis_readers(client, stage.parts.settings))
    stage.parts = replace(stage.parts, reads=source)
    stage.app = build(stage.parts)
    return stage


def stable(answer: httpx.Response) -> tuple[int, dict[str, object]]:
    body = answer.json()
    body.pop("request_id", None)
    return answer.status_code, body


async def test_redis_and_memory_answer_alike(
    tmp_path: Path, redis_client: redis.Redis, redis_reader: redis.asyncio.Redis, pointer: int
) -> None:
    stage = told(Stage(tmp_path))
    expected = {
        (path, user): stable(await stage.get(path, user)) for path in PATHS for user in ("bob", "ann")
    }
    rooms = (RedisCatalogFold, RedisGraphFold, RedisFeedFold, RedisEngagementFold, RedisSeenFold)
    folds: list[RedisFold] = [room(redis_client, pointer) for room in rooms]
    for fold in folds:
        for batch in stage.history.batches(*fold.topics):
            fold.apply(batch, None)
    on_redis(stage, redis_reader)
    found = {(path, user): stable(await stage.get(path, user)) for path, user in expected}
    assert found == expected
    assert len(expected["/v1/feed/following", "bob"][1]["items"]) == 3  # type: ignore[arg-type]


async def test_readiness_reads_what_the_worker_told(
    stage: Stage, redis_client: redis.Redis, redis_reader: redis.asyncio.Redis, pointer: int
) -> None:
    on_redis(stage, redis_reader)
    assert (await stage.get("/readyz")).json()["status"] == "empty"
    told = [
        FoldLag("feed", "rf.video.v1", 0, 5, 9, stage.clock.now_ms()),
        FoldLag("feed", "rf.video.v1", 1, 3, 3, 1),
    ]
    RedisLagWrites(redis_client, pointer).tell(told)
    on_redis(stage, redis_reader)  # the first answer is kept for half a second
    answer = (await stage.get("/readyz")).json()
    assert (answer["status"], answer["generation"], answer["folds"][0]["lag"]) == ("ready", pointer, 4)


async def test_a_generation_that_lost_its_data_is_not_read(
    stage: Stage, redis_client: redis.Redis, redis_reader: redis.asyncio.Redis, pointer: int
) -> None:
    on_redis(stage, redis_reader)
    assert (await stage.get("/v1/videos/v1", "bob")).status_code == 404, "nothing was ever there"
    redis_client.set(whole(pointer), 1)
    assert (await stage.get("/v1/videos/v1", "bob")).status_code == 404
    redis_client.delete(whole(pointer), LIVE_GENERATION)  # as FLUSHALL does
    for path in ("/v1/feed/following", "/v1/videos/v1"):
        lost = await stage.get(path, "bob")
        assert lost.status_code == 503, path
        assert lost.headers["retry-after"]
    ready = await stage.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (503, "refilling")
    redis_client.set(whole(pointer), 1)
    assert (await stage.get("/v1/videos/v1", "bob")).status_code == 404


async def test_without_redis_reads_are_503_and_the_process_is_alive(stage: Stage) -> None:
    gone = redis.asyncio.Redis.from_url("redis://127.0.0.1:1/0", decode_responses=True)
    on_redis(stage, gone)
    for path in ("/v1/feed/following", "/v1/videos/v1", "/v1/users/ann", "/readyz"):
        assert (await stage.get(path, "bob")).status_code == 503, path
    assert (await stage.get("/v1/feed/following", "bob")).headers["retry-after"]
    assert (await stage.get("/healthz")).status_code == 200
    await gone.aclose()


async def test_a_known_account_is_answered_from_memory_for_a_moment_and_an_unknown_one_never(
    redis_client: redis.Redis, redis_reader: redis.asyncio.Redis, pointer: int
) -> None:
    def fold(*events: Event) -> None:
        writes = RedisCatalogFold(redis_client, pointer)
        for batch in Log().extend(events).batches("rf.identity.v1"):
            writes.apply(batch, writes.position(batch.topic, batch.partition))

    held = RedisCatalogReads(redis_reader, pointer, users_life_s=60)
    fresh = RedisCatalogReads(redis_reader, pointer)
    assert await held.users(["ann", "bob"]) == [None, None]
    fold(registered("ann", 1))
    (known, nobody) = await held.users(["ann", "bob"])
    assert known is not None and nobody is None
    redis_client.delete(f"g{pointer}:user:ann")
    assert await held.users(["ann", "ann"]) == [known, known]
    assert await fresh.users(["ann"]) == [None]


async def test_requests_at_the_moment_of_a_flip_all_read_the_new_one(
    tmp_path: Path, redis_client: redis.Redis, redis_reader: redis.asyncio.Redis, pointer: int
) -> None:
    readers, other = Stage(tmp_path).readers(), pointer + 1_000_000
    source = RedisReadSource(redis_reader, lambda number: replace(readers, generation=number))
    redis_client.set(whole(pointer), 1)  # the other one was filled beside live: no worker has told of it
    for generation in (pointer, other):
        redis_client.set(LIVE_GENERATION, generation)
        assert (await source.live()).generation == generation
    redis_client.set(LIVE_GENERATION, pointer)
    found = await asyncio.gather(*(source.live() for _ in range(8)))
    assert {one.generation for one in found} == {pointer}
    redis_client.delete(whole(pointer))
