"""POST /v1/videos/{id}/publish for drafts, DELETE /v1/videos/{id}: what an owner does with a video."""

from typing import Any

from fastapi import APIRouter, Response

from api.callers.accounts import Principal
from api.callers.auth import Caller
from api.documented import documented
from api.parts import PartsOf
from api.problems import Problem, not_found
from api.reading.models import PathId
from api.reading.viewing import Viewing
from api.uploads.models import Accepted
from infra.clock import new_event_id
from projections.catalog.store import Video
from projections.renditions.ladder import VERSION

router = APIRouter(prefix="/v1/videos", tags=["videos"])


@router.post("/{video_id}/publish", status_code=202, responses=documented(400, 401, 403, 404, 409, 503))
async def publish(video_id: PathId, who: Caller, viewing: Viewing, parts: PartsOf) -> Accepted:
    """Publish a draft of one's own that is ready. What is published already stays as it is."""
    video = await viewing.video(video_id)
    if video is None:
        raise not_found("video")
    if not viewing.owns(video):
        raise _not_yours()
    if video.state == "published":
        return Accepted(video_id=video_id, state="published")
    if video.state != "ready":
        raise Problem(409, "not_ready", f"The video is {video.state}, not ready.", state=video.state)
    now_ms = parts.clock.now_ms()
    fact = _fact("video.published", who, video, now_ms)
    await parts.log.publish_all([fact | {"published_at": now_ms, "ladder_version": VERSION}])
    return Accepted(video_id=video_id, state="published")


@router.delete("/{video_id}", status_code=204, responses=documented(400, 401, 403, 404, 503))
async def delete(video_id: PathId, who: Caller, viewing: Viewing, parts: PartsOf) -> Response:
    """Take a video of one's own away, for good. An operator may take any."""
    (video,) = await viewing.reads.catalog.videos([video_id])
    if video is None:
        raise not_found("video")
    if not viewing.owns(video) and who.role != "operator":
        raise not_found("video") if await viewing.video(video_id) is None else _not_yours()
    if video.state != "deleted":
        await parts.log.publish_all([_fact("video.deleted", who, video, parts.clock.now_ms())])
    return Response(status_code=204)


def _not_yours() -> Problem:
    return Problem(403, "not_yours", "Only its owner can do that.")


def _fact(event_type: str, who: Principal, video: Video, now_ms: int) -> dict[str, Any]:
    return {
        "event_id": new_event_id(now_ms),
        "event_type": event_type,
        "source": who.source,
        "occurred_at": now_ms,
        "received_at": now_ms,
        "actor_id": who.actor_id,
        "video_id": video.video_id,
        "creator_id": video.creator_id,
    }
