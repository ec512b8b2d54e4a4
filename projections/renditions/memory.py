"""The room's twins in memory: jobs (fold and reads), leases and objects."""

import hashlib
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from projections.memory_ledger import MemoryFold, MemoryLedger
from projections.renditions.fold import (
    MEDIA_TOPIC,
    TOPICS,
    VIDEO_TOPIC,
    Job,
    MediaHalf,
    VideoHalf,
    evolve_media,
    evolve_video,
    fair,
    next_step,
)
from projections.renditions.store import Lease, ObjectInfo, ObjectMissing
from schemas.batch import RecordBatch


@dataclass(slots=True)
class RenditionsState:
    """What several folds and readers share, as workers share a Redis."""

    videos: dict[str, VideoHalf] = field(default_factory=dict)
    media: dict[str, MediaHalf] = field(default_factory=dict)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)


class MemoryRenditions(MemoryFold):
    """The fold and its reads over one state."""

    name = "renditions"
    topics = TOPICS

    def __init__(self, state: RenditionsState | None = None) -> None:
        self.state = state or RenditionsState()
        super().__init__(self.state.ledger)

    def change(self, batch: RecordBatch) -> None:
        videos, media = self.state.videos, self.state.media
        for row in batch.rows():
            video_id = row["video_id"]
            if batch.topic == VIDEO_TOPIC:
                videos[video_id] = evolve_video(videos.get(video_id, VideoHalf()), row)
            elif batch.topic == MEDIA_TOPIC:
                media[video_id] = evolve_media(media.get(video_id, MediaHalf()), row)

    async def job(self, video_id: str) -> Job:
        return self._job(video_id)

    async def pending(self, limit: int) -> list[Job]:
        with self.ledger.lock:
            jobs = [self._job(video_id) for video_id in self.state.videos]
        waiting = [job for job in jobs if next_step(job)]
        waiting.sort(key=lambda job: (job.video.uploaded_at, job.video.creator_id, job.video_id))
        ids = fair((job.video.creator_id, job.video_id) for job in waiting)
        return [self._job(video_id) for video_id in islice(ids, limit)]

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Every job, for comparison; jobs of which nothing is known are left out."""
        known = sorted(self.state.videos.keys() | self.state.media.keys())
        jobs = [self._job(video_id) for video_id in known]
        return {job.video_id: asdict(job) for job in jobs if job != Job(job.video_id)}

    def _job(self, video_id: str) -> Job:
        return Job(
            video_id,
            self.state.videos.get(video_id, VideoHalf()),
            self.state.media.get(video_id, MediaHalf()),
        )


class MemoryLeases:
    """Leases in a dict; ``now_ms`` is any clock that only goes forward."""

    def __init__(self, now_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000) -> None:
        self._now_ms = now_ms
        self._held: dict[str, tuple[int, int]] = {}
        self._tokens = 0
        self._tries: Counter[str] = Counter()

    async def claim(self, job_id: str, ttl_ms: int) -> Lease | None:
        _, until = self._held.get(job_id, (0, 0))
        if until > self._now_ms():
            return None
        self._tokens += 1
        self._held[job_id] = self._tokens, self._now_ms() + ttl_ms
        self._tries[job_id] += 1
        return Lease(job_id, self._tokens, self._tries[job_id])

    async def renew(self, lease: Lease, ttl_ms: int) -> bool:
        if not await self.holds(lease):
            return False
        self._held[lease.job_id] = lease.token, self._now_ms() + ttl_ms
        return True

    async def holds(self, lease: Lease) -> bool:
        token, until = self._held.get(lease.job_id, (0, 0))
        return token == lease.token and until > self._now_ms()

    async def release(self, lease: Lease, in_order: bool = True) -> None:
        if await self.holds(lease):
            del self._held[lease.job_id]
            if in_order:
                del self._tries[lease.job_id]


class MemoryObjects:
    """Objects as files of a folder and their attributes in a dict."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.attributes: dict[tuple[str, str], ObjectInfo] = {}
        self.cache_control: dict[tuple[str, str], str] = {}

    def put_file(self, bucket: str, key: str, path: Path, content_type: str, cache_control: str) -> None:
        target = self._path(bucket, key)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        etag = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        modified_ms = target.stat().st_mtime_ns // 1_000_000
        self.attributes[bucket, key] = ObjectInfo(path.stat().st_size, content_type, etag, modified_ms)
        self.cache_control[bucket, key] = cache_control

    def get_file(self, bucket: str, key: str, path: Path) -> None:
        if not self.exists(bucket, key):
            raise ObjectMissing(bucket, key)
        shutil.copyfile(self._path(bucket, key), path)

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        return self.attributes.get((bucket, key))

    def exists(self, bucket: str, key: str) -> bool:
        return self.head(bucket, key) is not None

    def remove(self, bucket: str, key: str) -> None:
        if self.attributes.pop((bucket, key), None):
            self._path(bucket, key).unlink()

    def presigned_put(self, bucket: str, key: str, ttl_s: int) -> str:
        return f"memory://{bucket}/{key}?expires={ttl_s}"

    def _path(self, bucket: str, key: str) -> Path:
        return self._folder / bucket / key
