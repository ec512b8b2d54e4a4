"""The contract of jobs and leases, held by the memory twins and by Redis alike."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis
import redis.asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from projections.position import PositionConflict, StoreUnavailable
from projections.renditions.fold import TOPICS, VIDEO_TOPIC, Job, next_step
from projections.renditions.memory import MemoryLeases, MemoryRenditions
from projections.renditions.redis import RedisLeases, RedisRenditionsFold, RedisRenditionsReads
from projections.renditions.store import Lease, Leases
from tests.builders import Event, batch_of, described, event, published
from tests.strategies import histories, schedules

pytest_plugins = ["tests.redis_server"]
pytestmark = pytest.mark.servers


def uploaded(video: str, by: str = "ann", at: int = 1) -> Event:
    return event("video.uploaded", by, at, video_id=video, creator_id=by, upload_id=f"up-{video}", bytes=9)


def validated(video: str, by: str = "ann") -> Event:
    return event("video.validated", by, 2, video_id=video, width=2, height=2, duration_ms=4_000, fps=29.97)


def completed(video: str) -> Event:
    return event("transcode.completed", "ann", 3, video_id=video, ladder_version="v1")


def failed(video: str, attempts: int = 1) -> Event:
    return event("transcode.failed", "ann", 3, video_id=video, attempts=attempts, terminal=attempts == 3)


@dataclass
class Room:
    fold: Any
    reads: Any

    async def waiting(self, limit: int = 10) -> list[str]:
        return [job.video_id for job in await self.reads.pending(limit)]


@pytest.fixture(params=["memory", "redis"])
def room(
    request: pytest.FixtureRequest,
    redis_client: redis.Redis,
    redis_reader: redis.asyncio.Redis,
    generations: Iterator[int],
) -> Room:
    if request.param == "memory":
        twin = MemoryRenditions()
        return Room(twin, twin)
    generation = next(generations)
    return Room(RedisRenditionsFold(redis_client, generation), RedisRenditionsReads(redis_reader, generation))


async def test_an_unknown_video_has_an_empty_job(room: Room) -> None:
    assert await room.reads.job("nobody") == Job("nobody")
    assert await room.waiting() == []


async def test_a_job_waits_from_upload_to_publication(room: Room) -> None:
    room.fold.apply(batch_of(uploaded("v1")), None)
    assert await room.waiting() == ["v1"]
    room.fold.apply(batch_of(validated("v1"), start=1), 1)
    (job,) = await room.reads.pending(10)
    assert next_step(job) == "transcode"
    assert job.video.original is not None
    assert job.video.original.fps == 29.97
    room.fold.apply(batch_of(failed("v1"), completed("v1")), None)
    assert next_step(await room.reads.job("v1")) == "publish"
    room.fold.apply(batch_of(published("ann", "v1", 9), start=2), 2)
    assert await room.waiting() == []


async def test_a_job_that_was_given_up_does_not_wait(room: Room) -> None:
    room.fold.apply(batch_of(uploaded("v1"), uploaded("v2"), validated("v1"), validated("v2")), None)
    room.fold.apply(batch_of(failed("v1", 3)), None)
    assert await room.waiting() == ["v2"]


async def test_a_draft_that_is_complete_does_not_wait(room: Room) -> None:
    ids: Event = {"video_id": "v1", "creator_id": "ann", "upload_id": "up-v1"}
    draft = event("video.upload_started", "ann", 0, publish="draft", **ids)
    room.fold.apply(batch_of(completed("v1")), None)
    room.fold.apply(batch_of(draft, uploaded("v1")), None)
    room.fold.apply(batch_of(validated("v1"), start=2), 2)
    assert await room.waiting() == []


async def test_waiting_is_fair_and_oldest_first(room: Room) -> None:
    many = [uploaded(f"a{n}", "ann", at=n + 1) for n in range(3)]
    room.fold.apply(batch_of(*many, uploaded("b1", "bob", at=50), uploaded("c1", "cy", at=40)), None)
    assert await room.waiting() == ["a0", "c1", "b1", "a1", "a2"]
    assert await room.waiting(limit=2) == ["a0", "c1"]


async def test_a_batch_that_begins_elsewhere_changes_nothing(room: Room) -> None:
    room.fold.apply(batch_of(uploaded("v1")), None)
    before = await _snapshot(room)
    with pytest.raises(PositionConflict):
        room.fold.apply(batch_of(validated("v1")), None)
    assert await _snapshot(room) == before
    assert room.fold.position(VIDEO_TOPIC, 0) == 1


async def test_facts_that_say_nothing_of_the_job_leave_no_trace(room: Room) -> None:
    room.fold.apply(batch_of(described("ann", "v1", 1)), None)
    assert await _snapshot(room) == {}
    assert room.fold.position(VIDEO_TOPIC, 0) == 1


async def test_many_jobs_in_one_batch(room: Room) -> None:
    batch = batch_of(*(uploaded(f"v{n}", f"u{n}") for n in range(300)))
    room.fold.apply(batch, None)
    assert len(await room.waiting(1_000)) == 300


videos = st.sampled_from(["v1", "v2", "v3"])
facts = st.one_of(
    st.builds(uploaded, videos, st.just("ann"), st.integers(1, 5)),
    st.builds(validated, videos),
    st.builds(completed, videos),
    st.builds(failed, videos, st.integers(1, 3)),
    st.builds(lambda video: published("ann", video, 9), videos),
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_batching_and_order_of_partitions_gives_what_memory_has(
    data: st.DataObject, redis_client: redis.Redis, generations: Iterator[int]
) -> None:
    log = data.draw(histories(facts))
    twin, generation = MemoryRenditions(), next(generations)
    for batch in log.batches(*TOPICS):
        twin.apply(batch, None)
    fold = RedisRenditionsFold(redis_client, generation)
    expected: dict[tuple[str, int], int] = {}
    for batch in data.draw(schedules(log, *TOPICS)):
        place = batch.topic, batch.partition
        fold.apply(batch, expected.get(place))
        expected[place] = batch.next

    async def read() -> tuple[Any, list[str], list[str]]:
        same = redis_client.connection_pool.connection_kwargs  # its own loop: hypothesis is not async
        options = {
            name: same[name] for name in ("host", "port", "db", "username", "password") if name in same
        }
        async with redis.asyncio.Redis(**options, decode_responses=True) as client:
            reads = RedisRenditionsReads(client, generation)
            mine, theirs = await reads.pending(10), await twin.pending(10)
            ids = [job.video_id for job in mine], [job.video_id for job in theirs]
            return await reads.snapshot(), *ids

    snapshot, mine, theirs = asyncio.run(read())
    assert snapshot == twin.snapshot()
    assert sorted(mine) == sorted(theirs)


@pytest.fixture(params=["memory", "redis"])
async def leases(request: pytest.FixtureRequest, redis_reader: redis.asyncio.Redis) -> AsyncIterator[Leases]:
    if request.param == "redis":
        await redis_reader.delete("lease:v1", "lease:v2", "lease-tries:v1", "lease-tries:v2")
    yield MemoryLeases() if request.param == "memory" else RedisLeases(redis_reader)


async def test_a_job_is_claimed_once(leases: Leases) -> None:
    first = await leases.claim("v1", 10_000)
    assert first is not None
    assert await leases.claim("v1", 10_000) is None
    other = await leases.claim("v2", 10_000)
    assert other is not None
    assert other.token > first.token


async def test_a_claim_of_many_at_once_is_won_by_one(leases: Leases) -> None:
    claims = await asyncio.gather(*(leases.claim("v1", 10_000) for _ in range(20)))
    assert len([claim for claim in claims if claim]) == 1


async def test_a_lease_ends_and_its_holder_is_fenced(leases: Leases) -> None:
    late = await leases.claim("v1", 30)
    assert late is not None
    await asyncio.sleep(0.06)
    assert not await leases.holds(late)
    heir = await leases.claim("v1", 10_000)
    assert heir is not None
    assert heir.token > late.token
    assert not await leases.renew(late, 10_000)
    await leases.release(late)
    assert await leases.holds(heir)


async def test_a_renewed_lease_lasts(leases: Leases) -> None:
    lease = await leases.claim("v1", 60)
    assert lease is not None
    for _ in range(4):
        await asyncio.sleep(0.03)
        assert await leases.renew(lease, 60)
    assert await leases.claim("v1", 60) is None


async def test_a_released_job_can_be_claimed(leases: Leases) -> None:
    lease = await leases.claim("v1", 10_000)
    assert lease is not None
    await leases.release(lease)
    assert not await leases.holds(lease)
    assert await leases.claim("v1", 10_000) is not None


async def test_tries_are_counted_until_one_ends_in_order(leases: Leases) -> None:
    async def claim() -> Lease:
        lease = await leases.claim("v2", 10_000)
        assert lease is not None
        return lease

    await leases.release(await claim())
    first = await claim()
    await leases.release(first, in_order=False)
    second = await claim()
    await leases.release(first)
    assert (first.tries, second.tries) == (1, 2)
    await leases.release(second)
    assert (await claim()).tries == 1


async def test_a_token_from_before_a_loss_of_all_data_holds_nothing_after_it(
    redis_client: redis.Redis, redis_reader: redis.asyncio.Redis
) -> None:
    leases = RedisLeases(redis_reader)
    redis_client.delete("lease:v1", "lease-tokens")
    old = await leases.claim("v1", 10_000)
    redis_client.delete("lease:v1", "lease-tokens")
    new = await leases.claim("v1", 10_000)
    assert old is not None
    assert new is not None
    assert new.token > old.token
    assert not await leases.holds(old)
    assert not await leases.renew(old, 10_000)


async def test_a_redis_that_is_away_is_unavailable() -> None:
    once = Retry(NoBackoff(), 0)
    async with redis.asyncio.Redis(port=1, retry=once, decode_responses=True) as nobody:
        with pytest.raises(StoreUnavailable):
            await RedisRenditionsReads(nobody, 1).pending(1)
        with pytest.raises(StoreUnavailable):
            await RedisLeases(nobody).holds(Lease("v1", 1))


async def _snapshot(room: Room) -> Any:
    found = room.reads.snapshot()
    return await found if asyncio.iscoroutine(found) else found
