"""The facts that the transcode effector tells the log. Pure: time is an argument.

Ids are made of the job and the fact, so a job that runs again tells the same facts, not new ones.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID, uuid5

from projections.renditions import ladder
from projections.renditions.fold import Job
from projections.renditions.judge import Probe, Rejected
from projections.renditions.package import MASTER, Package
from projections.renditions.verify import Made
from schemas.catalogue import latest

Fact = dict[str, Any]

SOURCE = "/svc/transcoder"
_NAMESPACE = UUID("6f6d7a52-3f5e-5d0c-9f5b-7265656c666f")
_DETAIL, _TAIL = 500, 2_000


def job_id(video_id: str) -> str:
    """The name of a video's job: the video and the ladder it is made in."""
    return f"{video_id}:{ladder.VERSION}"


def media_prefix(sha256: str) -> str:
    """Where the outputs of an original stand in the media bucket: the same original, the same place."""
    return f"{sha256[:2]}/{sha256}/{ladder.VERSION}"


def original_key(sha256: str) -> str:
    """Where an original stands in its bucket."""
    return f"{sha256[:2]}/{sha256}/source"


def validated(job: Job, found: Probe, sha256: str, size: int, now_ms: int) -> Fact:
    """The upload is a video."""
    return _fact(
        job,
        "video.validated",
        "",
        now_ms,
        upload_id=job.video.upload_id,
        creator_id=job.video.creator_id,
        original_key=original_key(sha256),
        sha256=sha256,
        bytes=size,
        width=found.width,
        height=found.height,
        duration_ms=found.duration_ms,
        fps=found.fps,
        video_codec=found.video_codec,
        audio_codec=found.audio_codec,
        rotation=found.rotation,
    )


def rejected(job: Job, reason: Rejected, now_ms: int) -> Fact:
    """The upload is refused."""
    video = job.video
    words = {"code": reason.code, "detail": reason.detail[:_DETAIL]}
    ids = {"upload_id": video.upload_id, "creator_id": video.creator_id}
    return _fact(job, "video.rejected", "", now_ms, **ids, **words)


def failed(job: Job, code: str, tail: str, most: int, now_ms: int) -> Fact:
    """An attempt failed; the ``most``-th is the last."""
    attempt = job.media.attempts + 1
    return _fact(
        job,
        "transcode.failed",
        str(attempt),
        now_ms,
        ladder_version=ladder.VERSION,
        attempts=attempt,
        code=code,
        stderr_tail=tail[-_TAIL:],
        terminal=attempt >= most,
    )


def published(job: Job, now_ms: int) -> Fact:
    """The video can be watched."""
    return _fact(
        job,
        "video.published",
        "",
        now_ms,
        creator_id=job.video.creator_id,
        published_at=now_ms,
        ladder_version=job.media.completed,
    )


def contents(package: Package, prefix: str) -> list[Fact]:
    """What is in a package, without saying whose it is: kept beside it for whoever brings the same file."""
    return [*_contents(package, prefix)]


def packaged(job: Job, kept: list[Fact], now_ms: int) -> list[Fact]:
    """The facts of a package's contents for one video; the last says that it is complete."""
    return [_fact(job, one["event_type"], str(one.get("key", "")), now_ms, **_said(one)) for one in kept]


def _contents(package: Package, prefix: str) -> Iterator[Fact]:
    version = {"ladder_version": ladder.VERSION}
    for made in (*package.rungs, package.download):
        yield _rendition(made, package, prefix) | version
    for still in package.stills:
        size = {"width": still.width, "height": still.height}
        yield {
            "event_type": "thumbnail.created",
            "at_ms": still.at_ms,
            "key": f"{prefix}/{still.path.name}",
        } | size
    yield {"event_type": "playlist.created", "key": f"{prefix}/{MASTER}"} | version
    rungs = [made.rung for made in package.rungs]
    yield {"event_type": "transcode.completed", "rungs": rungs, "cpu_ms": package.cpu_ms} | version


def _rendition(made: Made, package: Package, prefix: str) -> Fact:
    return {
        "event_type": "rendition.created",
        "kind": made.kind,
        "rung": made.rung,
        "width": made.width,
        "height": made.height,
        "codecs": made.codecs,
        "bandwidth": made.peak_bps,
        "key": f"{prefix}/{made.files[0].relative_to(package.folder)}",
        "bytes": made.bytes,
        "frames": made.frames,
        "duration_ms": made.duration_ms,
        "sha256": made.sha256,
    }


def _said(one: Mapping[str, Any]) -> Fact:
    return {name: value for name, value in one.items() if name != "event_type"}


def _fact(job: Job, event_type: str, place: str, now_ms: int, **fields: Any) -> Fact:
    defaults = {f["name"]: f["default"] for f in latest(event_type).fields if "default" in f}
    return (
        defaults
        | fields
        | {
            "event_id": str(uuid5(_NAMESPACE, f"{job_id(job.video_id)} {event_type} {place}")),
            "event_type": event_type,
            "source": SOURCE,
            "occurred_at": now_ms,
            "received_at": now_ms,
            "actor_id": job.video.creator_id,
            "video_id": job.video_id,
        }
    )
