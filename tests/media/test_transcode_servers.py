"""The effector on Redis and an S3 server: what it leaves behind plays from the public address."""

import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio

from infra.clients import s3_client
from infra.clock import HandClock
from infra.kafka.publisher_memory import MemoryPublisher
from infra.provision.buckets import ensure_buckets
from infra.settings import Settings
from projections.renditions.redis import RedisLeases, RedisRenditionsFold, RedisRenditionsReads
from projections.renditions.s3 import S3Objects
from streams.transcode.effector import TranscodeEffector
from streams.transcode.steps import Steps
from tests.builders import Event, batch_of, event
from tests.media.clips import Clips
from tests.media.playing import played

pytest_plugins = ["tests.redis_server"]
pytestmark = [pytest.mark.media, pytest.mark.servers]


class RedisFoldedLog(MemoryPublisher):
    """A log that the Redis fold follows at once."""

    def __init__(self, fold: RedisRenditionsFold) -> None:
        super().__init__()
        self.fold = fold

    async def publish_all(self, events: Sequence[Any]) -> None:
        await super().publish_all(events)
        for one in events:
            at = self.fold.position(batch_of(one).topic, 0)
            self.fold.apply(batch_of(one, start=at or 0), at)


async def test_from_a_presigned_put_to_a_film_that_plays(
    s3_settings: Settings,
    redis_client: redis.Redis,
    redis_reader: redis.asyncio.Redis,
    generations: Iterator[int],
    clips: Clips,
    tmp_path: Path,
) -> None:
    settings = s3_settings.model_copy(update={"ladder_rungs": "480,360"})
    client, generation = s3_client(settings), next(generations)
    ensure_buckets(client, settings)
    objects, log = S3Objects(client), RedisFoldedLog(RedisRenditionsFold(redis_client, generation))
    url = objects.presigned_put(settings.bucket_uploads, "incoming/up1", 60)
    film = clips.clip(size="540x960").read_bytes()
    with urllib.request.urlopen(urllib.request.Request(url, film, method="PUT")) as answer:
        assert answer.status == 200
    ids: Event = {"video_id": f"v{generation}", "creator_id": "ann", "upload_id": "up1"}
    await log.publish_all([event("video.uploaded", "ann", 2, raw_key="incoming/up1", bytes=len(film), **ids)])

    reads = RedisRenditionsReads(redis_reader, generation)
    steps = Steps(objects, settings, HandClock())
    effector = TranscodeEffector(reads, RedisLeases(redis_reader), log, steps, tmp_path / "scratch")
    await effector.drain()
    await effector.on_stop()

    assert log.events[-1]["event_type"] == "video.published"
    assert await reads.pending(10) == []
    assert not objects.exists(settings.bucket_uploads, "incoming/up1")
    (master,) = (one["key"] for one in log.events if one["event_type"] == "playlist.created")
    public = f"http://{settings.s3_endpoint}/{settings.bucket_media}/{master}"
    with urllib.request.urlopen(public) as answer:
        assert answer.headers["Content-Type"] == "application/vnd.apple.mpegurl"
        assert "immutable" in answer.headers["Cache-Control"]
    assert played(public)["video"] == 120
    ranged = urllib.request.Request(
        public.replace("master.m3u8", "download.mp4"), headers={"Range": "bytes=0-99"}
    )
    with urllib.request.urlopen(ranged) as answer:
        assert (answer.status, len(answer.read())) == (206, 100)
