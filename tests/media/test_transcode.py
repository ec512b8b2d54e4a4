"""The effector: from an uploaded file to facts and a film that plays; and when things go wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra.clock import HandClock
from infra.kafka.publisher import LogUnavailable
from infra.kafka.publisher_memory import MemoryPublisher
from infra.settings import Settings
from projections.renditions.fold import next_step
from projections.renditions.memory import MemoryLeases, MemoryObjects, MemoryRenditions
from projections.renditions.store import PRIVATE, Lease
from streams.transcode import effector as transcode
from streams.transcode import facts
from streams.transcode.effector import MOST_TRIES, TranscodeEffector
from streams.transcode.facts import job_id
from streams.transcode.steps import Steps
from tests.builders import Event, batch_of, deleted, event
from tests.media import clips as made
from tests.media.clips import Clips
from tests.media.playing import Served, played

pytestmark = pytest.mark.media

SETTINGS = Settings(ladder_rungs="480,360", lease_s=3, transcode_attempts=2)


class FoldedLog(MemoryPublisher):
    """A log whose facts the fold has at once, unless it is told to lag."""

    def __init__(self, fold: MemoryRenditions) -> None:
        super().__init__()
        self.fold, self.lags = fold, False

    async def publish_all(self, events: Sequence[Any]) -> None:
        await super().publish_all(events)
        if not self.lags:
            self.fold_all(events)

    def fold_all(self, events: Sequence[Any]) -> None:
        """Each as a batch of its own."""
        for one in events:
            topic = batch_of(dict(one)).topic
            at = self.fold.position(topic, 0)
            self.fold.apply(batch_of(dict(one), start=at or 0), at)


@dataclass
class Works:
    """An effector and all that it stands on, in memory."""

    folder: Path
    fold: MemoryRenditions = field(default_factory=MemoryRenditions)
    leases: MemoryLeases = field(default_factory=MemoryLeases)

    def __post_init__(self) -> None:
        self.log = FoldedLog(self.fold)
        self.objects = MemoryObjects(self.folder / "objects")
        self.scratch = self.folder / "scratch"

    def effector(self, settings: Settings = SETTINGS) -> TranscodeEffector:
        steps = Steps(self.objects, settings, HandClock())
        return TranscodeEffector(self.fold, self.leases, self.log, steps, self.scratch)

    def upload(self, path: Path, video: str = "v1", publish: str = "auto") -> None:
        key = f"incoming/up-{video}"
        self.bring(path, key)
        ids: Event = {"video_id": video, "creator_id": "ann", "upload_id": f"up-{video}"}
        opened = event("video.upload_started", "ann", 1, publish=publish, **ids)
        size = path.stat().st_size
        self.log.fold_all([opened, event("video.uploaded", "ann", 2, raw_key=key, bytes=size, **ids)])

    def bring(self, path: Path, key: str) -> None:
        self.objects.put_file(SETTINGS.bucket_uploads, key, path, "video/mp4", PRIVATE)

    def told(self) -> list[str]:
        return [str(one["event_type"]) for one in self.log.events]

    def keys(self, bucket: str) -> set[str]:
        return {key for place, key in self.objects.attributes if place == bucket}


@pytest.fixture
def works(tmp_path: Path) -> Works:
    return Works(tmp_path)


@asynccontextmanager
async def running(effector: TranscodeEffector) -> AsyncIterator[TranscodeEffector]:
    await effector.start()
    try:
        yield effector
    finally:
        await effector.stop()


async def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)


PACKAGE = [
    *["rendition.created"] * 3,
    *["thumbnail.created"] * 3,
    "playlist.created",
    "transcode.completed",
]


async def test_an_upload_becomes_a_film_that_plays(works: Works, clips: Clips) -> None:
    works.upload(clips.clip(size="540x960"))
    async with running(works.effector()) as effector:
        await until(lambda: "video.published" in works.told())
        await until(lambda: not list(works.scratch.iterdir()) and not effector._settling)
    assert works.told() == ["video.validated", *PACKAGE, "video.published"]
    assert next_step(await works.fold.job("v1")) is None
    assert await works.leases.claim(job_id("v1"), 1_000) is not None
    assert works.keys(SETTINGS.bucket_uploads) == set()
    assert len(works.keys(SETTINGS.bucket_originals)) == 1
    assert not list(works.scratch.iterdir())

    facts = works.log.events
    assert len({one["event_id"] for one in facts}) == len(facts)
    assert {one["source"] for one in facts} == {"/svc/transcoder"}
    assert {one["actor_id"] for one in facts} == {"ann"}
    keys = {str(one["key"]) for one in facts if "key" in one}
    assert keys <= works.keys(SETTINGS.bucket_media)
    kinds = {
        Path(key).suffix: works.objects.attributes[place, key].content_type
        for place, key in works.objects.attributes
        if place == SETTINGS.bucket_media
    }
    assert kinds == {
        ".m3u8": "application/vnd.apple.mpegurl",
        ".mp4": "video/mp4",
        ".m4s": "video/iso.segment",
        ".jpg": "image/jpeg",
        ".json": "application/json",
    }
    assert all("immutable" in works.objects.cache_control[SETTINGS.bucket_media, key] for key in keys)

    (master,) = (str(one["key"]) for one in facts if one["event_type"] == "playlist.created")
    with Served(works.folder / "objects" / SETTINGS.bucket_media) as url:
        frames = await asyncio.to_thread(played, f"{url}/{master}")
    assert frames == {"video": 120, "audio": pytest.approx(188, abs=3)}


async def test_a_bad_file_is_rejected_with_its_reason(works: Works, clips: Clips) -> None:
    works.upload(clips.spoilt(made.audio_only))
    await works.effector().drain()
    (fact,) = works.log.events
    assert (fact["event_type"], fact["code"]) == ("video.rejected", "no_video_stream")
    assert works.keys(SETTINGS.bucket_uploads) == set()
    assert await works.fold.pending(10) == []


async def test_too_many_bytes_are_never_fetched(works: Works, clips: Clips) -> None:
    works.upload(clips.clip())
    await works.effector(SETTINGS.model_copy(update={"upload_max_bytes": 1_000})).drain()
    assert works.log.events[0]["code"] == "too_large"


async def test_a_draft_is_made_but_not_published(works: Works, clips: Clips) -> None:
    works.upload(clips.clip(seconds=3.2), publish="draft")
    await works.effector().drain()
    assert works.told()[-1] == "transcode.completed"
    assert await works.fold.pending(10) == []


async def test_the_same_file_again_is_not_encoded_again(
    works: Works, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    works.upload(clips.clip(seconds=3.2))
    await works.effector().drain()
    first = works.log.events
    works.upload(clips.clip(seconds=3.2), video="v2")
    monkeypatch.setattr(Steps, "_make", None)
    await works.effector().drain()
    second = works.log.events[len(first) :]
    assert works.told()[len(first) :] == works.told()[: len(first)]
    assert [one.get("key") for one in second] == [one.get("key") for one in first]
    assert {one["event_id"] for one in first}.isdisjoint({one["event_id"] for one in second})


async def test_a_job_that_runs_twice_tells_the_same_facts(works: Works, clips: Clips) -> None:
    works.upload(clips.clip(seconds=3.2))
    works.log.lags = True
    await works.effector().drain()
    first = {(one["event_type"], one["event_id"]) for one in works.log.events}
    works.leases = MemoryLeases()
    works.bring(clips.clip(seconds=3.2), "incoming/up-v1")
    await works.effector().drain()
    assert len(works.log.events) == 2 * len(first)
    assert {(one["event_type"], one["event_id"]) for one in works.log.events} == first


async def test_an_encoder_that_fails_is_tried_again_and_then_given_up(
    works: Works, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcode, "REST_S", 0.05)
    monkeypatch.setattr(transcode, "POLL_S", 0.05)
    monkeypatch.setattr("projections.renditions.ladder.encode", lambda *_: ["-i", "nowhere"])
    works.upload(clips.clip(seconds=3.2))
    async with running(works.effector()):
        await until(lambda: works.told().count("transcode.failed") == 2)
        await asyncio.sleep(0.3)
    failures = [one for one in works.log.events if one["event_type"] == "transcode.failed"]
    assert [(one["attempts"], one["terminal"]) for one in failures] == [(1, False), (2, True)]
    assert {one["code"] for one in failures} == {"transcode_failed"}
    assert "No such file" in str(failures[0]["stderr_tail"])
    assert works.keys(SETTINGS.bucket_media) == set()


async def test_a_bug_is_a_failed_attempt_not_an_endless_loop(
    works: Works, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.renditions.ladder.encode", lambda *_: 1 / 0)
    works.upload(clips.clip(seconds=3.2))
    await works.effector().drain()
    assert works.log.events[-1]["code"] == "internal"
    assert not list(works.scratch.iterdir())


async def test_a_log_that_is_away_is_waited_for(
    works: Works, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcode, "POLL_S", 0.05)
    works.upload(clips.spoilt(made.text))
    works.log.broken = True
    with pytest.raises(LogUnavailable):
        await works.effector().drain()
    assert works.keys(SETTINGS.bucket_uploads) == {"incoming/up-v1"}
    async with running(works.effector()):
        await asyncio.sleep(0.2)
        works.log.broken = False
        await until(lambda: works.told() == ["video.rejected"])


async def test_who_lost_the_lease_tells_nothing(
    works: Works, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(self: MemoryLeases, lease: Lease) -> bool:
        return False

    works.upload(clips.spoilt(made.text))
    monkeypatch.setattr(MemoryLeases, "holds", lost)
    effector = works.effector()
    claim = effector._claim

    async def once() -> Any:
        monkeypatch.setattr(effector, "_claim", never)
        return await claim()

    async def never() -> None:
        return None

    monkeypatch.setattr(effector, "_claim", once)
    await effector.drain()
    assert works.told() == []


async def test_work_stops_when_the_lease_cannot_be_renewed(
    works: Works, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = asyncio.Event()

    async def endless(self: Steps, *_: object) -> list[Event]:
        started.set()
        await asyncio.sleep(60)
        return []

    async def refused(self: MemoryLeases, lease: Lease, ttl_ms: int) -> bool:
        return False

    monkeypatch.setattr(Steps, "take", endless)
    monkeypatch.setattr(MemoryLeases, "renew", refused)
    works.upload(clips.spoilt(made.text))
    async with asyncio.timeout(10):
        await works.effector(SETTINGS.model_copy(update={"lease_s": 3})).drain()
    assert started.is_set()
    assert works.told() == []


async def test_what_was_deleted_meanwhile_is_dropped(
    works: Works, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = Steps.take

    async def then_deleted(self: Steps, *arguments: Any) -> Any:
        told = await take(self, *arguments)
        works.log.fold_all([deleted("ann", "v1", 9)])
        return told

    monkeypatch.setattr(Steps, "take", then_deleted)
    works.upload(clips.spoilt(made.text))
    await works.effector().drain()
    assert works.told() == []


async def test_a_lease_is_kept_until_the_fold_shows_the_facts(works: Works, clips: Clips) -> None:
    works.upload(clips.spoilt(made.text))
    works.log.lags = True
    async with running(works.effector()) as effector:
        await until(lambda: works.told() == ["video.rejected"])
        await asyncio.sleep(0.3)
        assert await works.leases.claim(job_id("v1"), 1_000) is None
        works.log.fold_all(works.log.events)
        await until(lambda: not effector._settling)
        assert works.told() == ["video.rejected"]


async def test_stopping_takes_the_encoder_with_it(works: Works, clips: Clips) -> None:
    works.upload(clips.clip(size="1080x1920", seconds=3.2, fps="24"))
    effector = works.effector(SETTINGS.model_copy(update={"ladder_rungs": "1080"}))
    async with running(effector):
        await until(lambda: "v1" in effector.progress_ms)
    words = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert not [one for one in words if one.startswith("ffmpeg ") and str(works.scratch) in one]
    assert "transcode.completed" not in works.told()
    assert not list(works.scratch.iterdir())
    assert await works.leases.claim(job_id("v1"), 1_000) is not None


async def test_a_film_that_ends_the_worker_each_time_is_given_up(works: Works, tmp_path: Path) -> None:
    source = tmp_path / "deadly"
    source.write_bytes(b"x")
    works.upload(source)
    job = facts.job_id("v1")
    for _ in range(MOST_TRIES):  # workers that were killed in the middle: their leases ran out
        assert await works.leases.claim(job, 10_000)
        works.leases._held.clear()
    async with running(works.effector()) as effector:
        await until(lambda: bool(works.told()) and not effector._settling)
    assert works.told() == ["transcode.failed"]
    [failed] = works.log.events
    assert (failed["code"], failed["terminal"]) == ("worker_lost", True)
    assert failed["stderr_tail"] == "5 workers ended in the middle of this job"
    assert await works.fold.pending(10) == []


async def test_a_bug_in_one_job_neither_ends_the_worker_nor_holds_up_the_next(
    works: Works, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    works.upload(clips.clip(size="540x960"), "v1")
    works.upload(clips.clip(size="540x960"), "v2")
    tell = TranscodeEffector._tell

    async def odd(self: TranscodeEffector, told: list[Any], lease: Lease, video_id: str) -> None:
        if video_id == "v1":
            raise KeyError("bug")
        await tell(self, told, lease, video_id)

    monkeypatch.setattr(TranscodeEffector, "_tell", odd)
    async with running(works.effector()) as effector:
        await until(lambda: "video.published" in works.told(), 40)
        assert not effector.crashed
    again = await works.leases.claim(facts.job_id("v1"), 10_000)
    assert again is not None
    assert again.tries >= 2
