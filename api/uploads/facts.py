"""The facts that the upload routes tell. Ids are made of the upload's, so a repeat is the same fact."""

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from api.callers.accounts import Principal
from api.uploads.models import UploadRequest
from projections.renditions.ladder import VERSION
from projections.renditions.store import ObjectInfo

Fact = dict[str, Any]


def raw_key(upload_id: str) -> str:
    """Where a client puts its bytes, in the uploads bucket."""
    return f"incoming/{upload_id}"


def started(who: Principal, upload_id: str, video_id: str, asked: UploadRequest, now_ms: int) -> list[Fact]:
    """An upload was opened, and what its video is called."""
    opened = _fact("video.upload_started", who, upload_id, video_id, now_ms)
    opened |= {"upload_id": upload_id, "bytes": asked.bytes, "mime": asked.mime, "publish": asked.publish}
    told = _fact("video.described", who, upload_id, video_id, now_ms)
    told |= {
        "title": asked.title,
        "caption": asked.caption,
        "hashtags": asked.hashtags,
        "mentions": asked.mentions,
        "sound_id": asked.sound_id,
        "visibility": asked.visibility,
    }
    return [opened, told]


def uploaded(who: Principal, upload_id: str, video_id: str, found: ObjectInfo, now_ms: int) -> Fact:
    """The bytes are there since the store says so: a repeat tells the same time, and is the same row in
    tables that are laid out by it."""
    fact = _fact("video.uploaded", who, upload_id, video_id, now_ms)
    return fact | {
        "occurred_at": found.modified_ms or now_ms,
        "upload_id": upload_id,
        "raw_key": raw_key(upload_id),
        "bytes": found.bytes,
        "etag": found.etag,
    }


def job_hint(who: Principal, upload_id: str, video_id: str, now_ms: int) -> Fact:
    """Wakes the transcoders; the work list itself is a fold over the facts."""
    fact = _fact("transcode.requested", who, upload_id, video_id, now_ms)
    return fact | {"job_id": f"{video_id}:{VERSION}", "ladder_version": VERSION}


def _fact(event_type: str, who: Principal, upload_id: str, video_id: str, now_ms: int) -> Fact:
    return {
        "event_id": str(uuid5(NAMESPACE_URL, f"reelfold:{upload_id}:{event_type}")),
        "event_type": event_type,
        "source": who.source,
        "occurred_at": now_ms,
        "received_at": now_ms,
        "actor_id": who.actor_id,
        "video_id": video_id,
        "creator_id": who.actor_id,
    }
