"""From an upload to playable files: what the facts say of a video's job, and what is to be done next.

`evolve` folds facts of rf.video.v1 and rf.media.v1; `next_step` decides. The two topics arrive in any
interleaving, and each is owned by another worker perhaps; therefore a job is two halves, one a topic,
that never look at each other. Only forever-topics are read: a job is never lost with a 7-day topic.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from projections.renditions.ladder import Source

VIDEO_TOPIC = "rf.video.v1"
MEDIA_TOPIC = "rf.media.v1"
TOPICS = (VIDEO_TOPIC, MEDIA_TOPIC)

Verdict = Literal["", "validated", "rejected"]
Step = Literal["validate", "transcode", "publish"]


@dataclass(frozen=True, slots=True)
class Original:
    """The source as validation found it."""

    key: str
    sha256: str
    width: int
    height: int
    duration_ms: int
    fps: float
    sound: bool

    @property
    def source(self) -> Source:
        """What the ladder must know of it."""
        return Source(self.width, self.height, self.duration_ms, self.fps, self.sound)


@dataclass(frozen=True, slots=True)
class VideoHalf:
    """What rf.video.v1 says of the job; ``uploaded_at`` is epoch ms, 0 before the bytes have arrived."""

    creator_id: str = ""
    upload_id: str = ""
    publish: str = "auto"
    raw_key: str = ""
    bytes: int = 0
    uploaded_at: int = 0
    verdict: Verdict = ""
    original: Original | None = None
    published: bool = False
    deleted: bool = False

    @property
    def open(self) -> bool:
        """The bytes are there and nothing in this half ends the job."""
        return bool(self.uploaded_at) and self.verdict != "rejected" and not (self.published or self.deleted)


@dataclass(frozen=True, slots=True)
class MediaHalf:
    """What rf.media.v1 says of the job; ``attempts`` are those that failed."""

    completed: str = ""
    """The ladder version that is complete; '' for none."""
    attempts: int = 0
    gave_up: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """Everything the effector needs to know of one video."""

    video_id: str
    video: VideoHalf = field(default_factory=VideoHalf)
    media: MediaHalf = field(default_factory=MediaHalf)


def evolve(job: Job, event: Mapping[str, Any]) -> Job:
    """The job after one fact of its video; facts that say nothing of it leave it as it is."""
    video = evolve_video(job.video, event)
    media = evolve_media(job.media, event)
    return job if video is job.video and media is job.media else replace(job, video=video, media=media)


def evolve_video(half: VideoHalf, event: Mapping[str, Any]) -> VideoHalf:
    """The video half after a fact. Of uploads and of verdicts the first wins; deleted is for ever."""
    match event["event_type"]:
        case "video.upload_started" if not half.upload_id:
            return replace(
                half,
                creator_id=event["creator_id"],
                upload_id=event["upload_id"],
                publish=event["publish"],
            )
        case "video.uploaded" if not half.uploaded_at:
            return replace(
                half,
                creator_id=event["creator_id"],
                upload_id=event["upload_id"],
                raw_key=event["raw_key"],
                bytes=event["bytes"],
                uploaded_at=max(event["occurred_at"], 1),
            )
        case "video.validated" if not half.verdict:
            return replace(half, verdict="validated", original=_original(event))
        case "video.rejected" if not half.verdict:
            return replace(half, verdict="rejected")
        case "video.published":
            return replace(half, published=True)
        case "video.deleted":
            return replace(half, deleted=True)
        case _:
            return half


def evolve_media(half: MediaHalf, event: Mapping[str, Any]) -> MediaHalf:
    """The media half after a fact: maxima and flags, so that twice equals once."""
    match event["event_type"]:
        case "transcode.completed":
            return replace(half, completed=max(half.completed, event["ladder_version"]))
        case "transcode.failed":
            return replace(
                half,
                attempts=max(half.attempts, event["attempts"]),
                gave_up=half.gave_up or event["terminal"],
            )
        case _:
            return half


def next_step(job: Job) -> Step | None:
    """What is to be done now; None when nothing is, yet or any more."""
    if not job.video.open:
        return None
    if job.media.completed:
        return "publish" if job.video.publish == "auto" and job.video.verdict else None
    if job.media.gave_up:
        return None
    return "transcode" if job.video.verdict else "validate"


def fair(waiting: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Video ids of (creator_id, video_id) pairs, oldest first, in rounds of one for each creator."""
    queues: dict[str, list[str]] = defaultdict(list)
    for creator_id, video_id in waiting:
        queues[creator_id].append(video_id)
    rounds = max((len(queue) for queue in queues.values()), default=0)
    for number in range(rounds):
        yield from (queue[number] for queue in queues.values() if number < len(queue))


def _original(event: Mapping[str, Any]) -> Original:
    return Original(
        key=event["original_key"],
        sha256=event["sha256"],
        width=event["width"],
        height=event["height"],
        duration_ms=event["duration_ms"],
        fps=event["fps"],
        sound=event["audio_codec"] is not None,
    )
