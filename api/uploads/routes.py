"""POST /v1/uploads, PUT the bytes to the store, POST .../complete; GET tells how far it is."""

import asyncio

from fastapi import APIRouter

from api.callers.accounts import Principal
from api.callers.auth import Caller
from api.documented import documented
from api.events.intake import DoorOf
from api.limits import UPLOAD_TOKENS
from api.parts import Live, Parts, PartsOf
from api.problems import Problem, not_found, within_rate
from api.reading.models import PathId
from api.reading.readers import Readers
from api.uploads.facts import job_hint, raw_key, started, uploaded
from api.uploads.ids import upload_id_of, video_id_of
from api.uploads.models import Refusal, UploadOpened, UploadRequest, UploadState, UploadView
from infra.clock import new_event_id
from infra.telemetry import Log
from projections.catalog.store import Video
from projections.renditions.store import ObjectInfo

router = APIRouter(prefix="/v1/uploads", tags=["uploads"])
PUT_LIFE_S = 3_600
_LOG = Log("api")


@router.post("", status_code=201, responses=documented(400, 401, 403, 408, 413, 422, 429, 503))
async def open_upload(asked: UploadRequest, who: Caller, parts: PartsOf, door: DoorOf) -> UploadOpened:
    """Open an upload: answers the URL that takes one PUT of the video's bytes within an hour."""
    if who.role != "user":
        raise Problem(403, "not_a_user", "Only an account can upload a video.")
    _within_limit(parts, asked.bytes or 0)
    within_rate(door.buckets.take(who.actor_id, UPLOAD_TOKENS))
    now_ms = parts.clock.now_ms()
    video_id = f"v-{new_event_id(now_ms)}"
    upload_id = upload_id_of(_secret(parts), video_id, who.actor_id)
    put_url = parts.objects.presigned_put(parts.settings.bucket_uploads, raw_key(upload_id), PUT_LIFE_S)
    await parts.log.publish_all(started(who, upload_id, video_id, asked, now_ms))
    _LOG.info("upload_opened", upload_id=upload_id, actor_id=who.actor_id)
    return UploadOpened(
        upload_id=upload_id,
        video_id=video_id,
        put_url=put_url,
        expires_at=now_ms + PUT_LIFE_S * 1000,
        max_bytes=parts.settings.upload_max_bytes,
    )


@router.post("/{upload_id}/complete", status_code=202, responses=documented(400, 401, 404, 409, 413, 503))
async def complete(upload_id: PathId, who: Caller, parts: PartsOf, live: Live) -> UploadView:
    """The bytes are there: check and transcode them. May be repeated; a repeat changes nothing."""
    video_id, video = await _owned(parts, live, who, upload_id)
    now_ms = parts.clock.now_ms()
    if video is None or video.state == "uploading":
        # Only before the fold knows of the bytes: later they may have been moved, or told of as refused.
        found = await _arrived(parts, upload_id)
        facts = [
            uploaded(who, upload_id, video_id, found, now_ms),
            job_hint(who, upload_id, video_id, now_ms),
        ]
        await parts.log.publish_all(facts)
        _LOG.info("upload_completed", upload_id=upload_id, bytes=found.bytes)
        return _view(upload_id, video_id, video, "processing")
    if video.state == "processing":
        await parts.log.publish_all([job_hint(who, upload_id, video_id, now_ms)])
    return _view(upload_id, video_id, video)


@router.get("/{upload_id}", responses=documented(400, 401, 404, 503))
async def upload(upload_id: PathId, who: Caller, parts: PartsOf, live: Live) -> UploadView:
    """How far an upload is, with the reason of any refusal. For its owner alone."""
    video_id, video = await _owned(parts, live, who, upload_id)
    return _view(upload_id, video_id, video)


async def _owned(parts: Parts, live: Readers, who: Principal, upload_id: str) -> tuple[str, Video | None]:
    """The upload's video, None while no fold knows it; 404 unless the caller opened the upload."""
    video_id = video_id_of(_secret(parts), upload_id, who.actor_id)
    if video_id is not None:
        return video_id, (await live.catalog.videos([video_id]))[0]
    # Not one of this API's ids, or not this caller's: a trusted producer may have told of the upload.
    told = await live.catalog.video_of_upload(upload_id)
    video = (await live.catalog.videos([told]))[0] if told else None
    if video is None or video.creator_id != who.actor_id:
        raise not_found("upload")
    return video.video_id, video


async def _arrived(parts: Parts, upload_id: str) -> ObjectInfo:
    bucket = parts.settings.bucket_uploads
    found = await asyncio.to_thread(parts.objects.head, bucket, raw_key(upload_id))
    if found is None:
        raise Problem(409, "not_put", "No bytes have arrived: PUT them to put_url first.")
    _within_limit(parts, found.bytes)
    return found


def _within_limit(parts: Parts, count: int) -> None:
    limit = parts.settings.upload_max_bytes
    if count > limit:
        raise Problem(413, "too_large", f"{count} bytes; at most {limit} are taken.", max_bytes=limit)


def _view(
    upload_id: str, video_id: str, video: Video | None, at_least: UploadState = "started"
) -> UploadView:
    if video is None:
        return UploadView(
            upload_id=upload_id, video_id=video_id, state=at_least, publish=None, reason=None,
            rungs_done=[], duration_ms=None,
        )  # fmt: skip
    return UploadView(
        upload_id=upload_id,
        video_id=video_id,
        state=at_least if video.state == "uploading" else video.state,
        publish=video.publish,
        reason=_reason(video),
        rungs_done=sorted({one.rung for one in video.renditions if one.kind == "hls"}),
        duration_ms=video.duration_ms,
    )


def _reason(video: Video) -> Refusal | None:
    match video.state:
        case "rejected":
            return Refusal(code=video.reject_code or "rejected", detail=video.reject_detail)
        case "failed":
            return Refusal(code=video.reject_code or "transcode_failed", detail=video.reject_detail)
        case _:
            return None


def _secret(parts: Parts) -> bytes:
    return parts.settings.cursor_secret.get_secret_value().encode()
