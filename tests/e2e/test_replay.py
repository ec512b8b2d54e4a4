"""A replay from the log's start into another generation equals what the live folds made."""

import asyncio

import clickhouse_connect
import psutil

from infra.clients import clickhouse_client
from infra.demo.client import Client
from infra.kafka.publisher import Publisher
from infra.provision.steps import tables
from infra.settings import Settings
from projections.analytics.clickhouse_reads import ClickHouseAnalyticsReads
from streams.replay.replay import ReplayReport
from streams.replay.replaying import replay
from tests.e2e.stores import caught_up, ends, in_clickhouse, in_redis
from tests.e2e.supervised import Stack
from tests.e2e.town import Town, agreed, by_person, plain, settle_in
from tests.e2e.waiting import until
from tests.e2e.watching import Film

GENERATION = 2
ROOMS = {"catalog", "graph", "engagement", "feed", "seen", "trending", "renditions"}


async def test_a_replay_equals_live(
    full_stack: Stack, client: Client, trusted: Publisher, film: Film
) -> None:
    settings, town = full_stack.settings, Town.named("replayed", videos=4)
    await settle_in(town, client, trusted)
    sent = town.load(seed=11, views=400)
    await by_person(client, sent)
    gone = town.videos[3]
    video_gone = plain(town, 3, "video.deleted", video_id=gone.video_id, creator_id=gone.creator_id)
    kept = Town(town.users, town.videos[:3])
    await agreed(client, kept, sent)
    await trusted.publish_all([video_gone])
    await client.get("/v1/feed/following", town.users[0])
    await caught_up(settings)

    # What is folded live after this (a feed that was served is told in the background) is replayed too,
    # or the comparison would fail; nothing is posted.
    assert tables(settings.model_copy(update={"generation": GENERATION}))
    media_before = _ends_of("rf.media.v1", settings)
    report, encoders = await _watched_replay(full_stack, settings)

    assert report.unreadable >= 0
    assert report.events > len({one.event["event_id"] for one in sent})
    live, again = await in_redis(settings), await in_redis(settings, GENERATION)
    assert live.keys() == again.keys() == ROOMS
    for room in sorted(ROOMS):
        assert live[room], f"{room} holds something"
        assert live[room] == again[room], room
    assert in_clickhouse(settings) == in_clickhouse(settings, GENERATION)
    assert await _analytics(settings, kept, 1) == await _analytics(settings, kept, GENERATION)
    assert encoders == 0
    assert _ends_of("rf.media.v1", settings) == media_before


async def _watched_replay(stack: Stack, settings: Settings) -> tuple[ReplayReport, int]:
    """Replay in a thread; meanwhile count the encoders that run anywhere below this stack or this test."""
    running = asyncio.create_task(asyncio.to_thread(replay, settings, GENERATION))
    encoders = 0

    async def over() -> bool:
        nonlocal encoders
        encoders += await asyncio.to_thread(_encoders, stack.part("worker").pid)
        return running.done()

    await until(over, "the replay is over", 120)
    return await running, encoders


def _encoders(worker: int) -> int:
    below = [*psutil.Process(worker).children(recursive=True), *psutil.Process().children(recursive=True)]
    return sum(process.name() == "ffmpeg" for process in below)


def _ends_of(topic: str, settings: Settings) -> dict[int, int]:
    return {place[1]: end for place, end in ends(settings).items() if place[0] == topic}


async def _analytics(settings: Settings, town: Town, generation: int) -> tuple[object, int]:
    writer: clickhouse_connect.driver.client.Client = clickhouse_client(settings)
    reads = ClickHouseAnalyticsReads(writer, generation, settings.clickhouse_database)
    try:
        return await reads.counts(town.ids), await reads.event_count()
    finally:
        writer.close()
