"""GET /v1/videos/{id} and what hangs on it: playback, comments."""

import asyncio

from fastapi import APIRouter, Request, Response

from api.documented import documented
from api.parts import PartsOf
from api.problems import Problem, not_found
from api.reading.cards import Viewer
from api.reading.etag import answer
from api.reading.models import CommentPage, CommentView, PathId, Playback, VideoCard
from api.reading.viewing import Keysets, Paging, Viewing
from infra.access.keyring import Keyring
from projections.catalog.store import Video
from projections.engagement.store import Comment

router = APIRouter(prefix="/v1/videos", tags=["videos"])


@router.get("/{video_id}", response_model=VideoCard, responses=documented(304, 400, 401, 404, 503))
async def video(video_id: PathId, request: Request, viewing: Viewing) -> Response:
    """A video with its counts. Its owner sees it in any state but deleted."""
    found = await _shown(viewing, video_id)
    return answer(request, await viewing.card(found), private=viewing.user_id is not None)


@router.get(
    "/{video_id}/playback", response_model=Playback, responses=documented(304, 400, 401, 404, 409, 503)
)
async def playback(video_id: PathId, request: Request, viewing: Viewing) -> Response:
    """Where to play it from: the HLS master playlist, the MP4, thumbnails, every rung.

    The owner of a draft may play it; while there is nothing to play yet, the owner gets 409 with the
    state, and everyone else 404.
    """
    found = await _shown(viewing, video_id)
    if found.master_key is None:
        raise Problem(409, "not_ready", f"The video is {found.state}.", state=found.state)
    return answer(request, viewing.playback(found), private=viewing.user_id is not None)


@router.get("/{video_id}/comments", response_model=CommentPage, responses=documented(304, 400, 401, 404, 503))
async def comments(
    video_id: PathId, request: Request, parts: PartsOf, viewing: Viewing, paging: Paging
) -> Response:
    """Comments, newest first. A comment whose author was erased stays, without its text."""
    await _shown(viewing, video_id)
    fetched: dict[str, Comment] = {}

    async def fetch(before: tuple[int, str] | None, limit: int) -> list[tuple[int, str]]:
        found = await viewing.reads.engagement.comments(video_id, before, limit)
        fetched.update((one.comment_id, one) for one in found)
        return [(one.occurred_at, one.comment_id) for one in found]

    async def show(keysets: Keysets) -> list[CommentView]:
        return await _opened(viewing, parts.keyring, [fetched[comment_id] for _, comment_id in keysets])

    items, after = await paging.page(fetch, show)
    page = CommentPage(items=items, next_cursor=after)
    return answer(request, page, private=viewing.user_id is not None)


async def _shown(viewing: Viewer, video_id: str) -> Video:
    found = await viewing.video(video_id)
    if found is None:
        raise not_found("video")
    return found


async def _opened(viewing: Viewer, keyring: Keyring, sealed: list[Comment]) -> list[CommentView]:
    """Comments with their texts. The keyring blocks: one thread opens the whole page."""
    texts, users = await asyncio.gather(
        asyncio.to_thread(lambda: [_text(keyring, one) for one in sealed]),
        viewing.people([one.actor_id for one in sealed]),
    )
    return [
        CommentView(
            comment_id=one.comment_id,
            author=viewing.creator(one.actor_id, users),
            text=text,
            erased=text is None,
            parent_id=one.parent_id,
            created_at=one.occurred_at,
        )
        for one, text in zip(sealed, texts, strict=True)
    ]


def _text(keyring: Keyring, comment: Comment) -> str | None:
    if comment.pii is None or comment.pii_key_id is None:
        return None
    fields = keyring.open(comment.pii, comment.pii_key_id, comment.event_id)
    return None if fields is None else str(fields["text"])
