"""One step of a video's way at a time: files in, facts out. What is decided stands in the fold."""

import asyncio
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from infra.clock import Clock
from infra.settings import Settings
from projections.renditions import ffmpeg, ladder, package, probe
from projections.renditions.fold import Job, Original, Step
from projections.renditions.judge import Limits, Rejected
from projections.renditions.package import CONTENT_TYPES, Package
from projections.renditions.store import FOREVER, PRIVATE, ObjectMissing, Objects
from projections.renditions.verify import VerificationFailed
from streams.transcode import facts
from streams.transcode.facts import Fact

CONTENTS = "contents.json"
"""Beside the master playlist: what the package holds. Stored last, so its being there proves the rest."""
_CHUNK = 1 << 20


class StepFailed(Exception):
    """An attempt failed; ``code`` and ``tail`` go into transcode.failed."""

    def __init__(self, code: str, tail: str) -> None:
        super().__init__(f"{code}: {tail}")
        self.code = code
        self.tail = tail


class DiskFull(Exception):
    """There is no room to work in: wait, it is not the video's fault."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What a step needs beside the job. ``folder`` arguments are a job's own, and removed after it."""

    objects: Objects
    settings: Settings
    clock: Clock

    async def take(self, step: Step, job: Job, folder: Path, progress: ffmpeg.Progress) -> list[Fact]:
        """The facts of a step; raises StepFailed, DiskFull, and StoreUnavailable when S3 is away."""
        try:
            match step:
                case "validate":
                    return await self._validate(job, folder)
                case "transcode":
                    return await self._transcode(job, folder, progress)
                case "publish":
                    return [facts.published(job, self.clock.now_ms())]
        except ffmpeg.ToolFailed as error:
            raise StepFailed(f"{step}_{error.code}", error.tail) from error
        except VerificationFailed as error:
            raise StepFailed("verification_failed", str(error)) from error
        except ObjectMissing as error:
            raise StepFailed("source_missing", f"{error.key} is not in its bucket") from error

    async def clear(self, job: Job) -> None:
        """Remove the upload, once the log has the verdict."""
        if job.video.raw_key:
            bucket = self.settings.bucket_uploads
            await asyncio.to_thread(self.objects.remove, bucket, job.video.raw_key)

    async def _validate(self, job: Job, folder: Path) -> list[Fact]:
        source = folder / "source"
        settings = self.settings
        limits = Limits(settings.upload_max_bytes, settings.video_min_ms, settings.video_max_ms)
        try:
            size = await self._size(settings.bucket_uploads, job.video.raw_key, limits)
            await self._fetch(settings.bucket_uploads, job.video.raw_key, source, size)
            found = await probe.validate(source, limits, settings.transcode_timeout_s)
        except Rejected as reason:
            return [facts.rejected(job, reason, self.clock.now_ms())]
        sha256 = await asyncio.to_thread(_sha256, source)
        await self._put(settings.bucket_originals, facts.original_key(sha256), source, PRIVATE)
        return [facts.validated(job, found, sha256, size, self.clock.now_ms())]

    async def _size(self, bucket: str, key: str, limits: Limits) -> int:
        """Asked of the store, whatever the client announced; too much is refused before it fills the disk."""
        stored = await asyncio.to_thread(self.objects.head, bucket, key)
        if stored is None:
            raise ObjectMissing(bucket, key)
        if stored.bytes > limits.max_bytes:
            raise Rejected("too_large", f"{stored.bytes} bytes; at most {limits.max_bytes} are taken")
        return stored.bytes

    async def _transcode(self, job: Job, folder: Path, progress: ffmpeg.Progress) -> list[Fact]:
        original = job.video.original
        if original is None:
            raise StepFailed("no_original", "the validation fact names no original")
        prefix = facts.media_prefix(original.sha256)
        wanted = [int(edge) for edge in self.settings.ladder_rungs.split(",")]
        rungs = [one.rung for one in ladder.rungs(original.width, original.height, wanted)]
        kept = await self._kept(prefix, rungs, folder)
        if kept is None:
            made = await self._make(original, job.video.bytes, wanted, folder, progress)
            kept = facts.contents(made, prefix)
            await self._store(made, prefix, kept)
        return facts.packaged(job, kept, self.clock.now_ms())

    async def _make(
        self, original: Original, size: int, wanted: list[int], folder: Path, progress: ffmpeg.Progress
    ) -> Package:
        path = folder / "source"
        if not path.exists():
            await self._fetch(self.settings.bucket_originals, original.key, path, size)
        limit = self.settings.transcode_timeout_s
        return await package.make(path, original.source, wanted, folder / "package", limit, progress)

    async def _kept(self, prefix: str, rungs: list[int], folder: Path) -> list[Fact] | None:
        """What an earlier run left in the bucket, for the same original and the same rungs."""
        path = folder / CONTENTS
        try:
            await self._get(self.settings.bucket_media, f"{prefix}/{CONTENTS}", path)
        except ObjectMissing:
            return None
        kept: list[Fact] = json.loads(path.read_text("utf-8"))
        return kept if kept[-1]["rungs"] == rungs else None

    async def _store(self, made: Package, prefix: str, kept: list[Fact]) -> None:
        for path in made.files:
            key = f"{prefix}/{path.relative_to(made.folder)}"
            await self._put(self.settings.bucket_media, key, path, FOREVER)
        last = made.folder / CONTENTS
        last.write_text(json.dumps(kept), "utf-8")
        await self._put(self.settings.bucket_media, f"{prefix}/{CONTENTS}", last, FOREVER)

    async def _fetch(self, bucket: str, key: str, path: Path, size: int) -> None:
        needed = 3 * size + _CHUNK
        if shutil.disk_usage(path.parent).free < needed:
            raise DiskFull(f"{needed} bytes are needed in {path.parent}")
        await self._get(bucket, key, path)

    async def _get(self, bucket: str, key: str, path: Path) -> None:
        await asyncio.to_thread(self.objects.get_file, bucket, key, path)

    async def _put(self, bucket: str, key: str, path: Path, cache_control: str) -> None:
        kind = CONTENT_TYPES.get(path.suffix, "application/octet-stream")
        await asyncio.to_thread(self.objects.put_file, bucket, key, path, kind, cache_control)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
