"""GET /v1/users/{id}, what they made, who follows whom; GET /v1/me/history."""

import asyncio

from fastapi import APIRouter, Request, Response

from api.callers.auth import Caller
from api.documented import documented
from api.problems import not_found
from api.reading.cards import Viewer
from api.reading.etag import answer
from api.reading.models import Edge, EdgePage, HistoryPage, PathId, Person, VideoPage, WatchedCard
from api.reading.viewing import Fetch, Keysets, Paging, Viewing, shown_by
from projections.catalog.store import User

router = APIRouter(prefix="/v1", tags=["people"])
_PAGED = documented(304, 400, 401, 404, 503)


@router.get("/users/{user_id}", response_model=Person, responses=documented(304, 400, 401, 404, 503))
async def user(user_id: PathId, request: Request, viewing: Viewing) -> Response:
    """An account's public face and how many follow it."""
    found, (counts,), followed = await asyncio.gather(
        _known(viewing, user_id), viewing.reads.graph.counts([user_id]), _followed(viewing, user_id)
    )
    person = Person(
        user_id=user_id,
        username=found.username,
        display_name=found.display_name,
        bio=found.bio,
        avatar_url=viewing.url(found.avatar_key),
        registered_at=found.registered_at,
        followers=counts.followers,
        following=counts.following,
        followed_by_me=followed,
    )
    return answer(request, person, private=viewing.user_id is not None)


@router.get("/users/{user_id}/videos", response_model=VideoPage, responses=_PAGED)
async def videos(user_id: PathId, request: Request, viewing: Viewing, paging: Paging) -> Response:
    """An account's published videos, newest first; those that the caller may see."""
    await _known(viewing, user_id)

    async def fetch(before: tuple[int, str] | None, limit: int) -> list[tuple[int, str]]:
        return await viewing.reads.catalog.videos_of(user_id, before, limit)

    items, after = await paging.page(fetch, shown_by(viewing))
    page = VideoPage(items=items, next_cursor=after)
    return answer(request, page, private=viewing.user_id is not None)


@router.get("/users/{user_id}/followers", response_model=EdgePage, responses=_PAGED)
async def followers(user_id: PathId, request: Request, viewing: Viewing, paging: Paging) -> Response:
    """Who follows the account, the newest first."""

    async def fetch(before: tuple[int, str] | None, limit: int) -> list[tuple[int, str]]:
        return await viewing.reads.graph.followers(user_id, before, limit)

    return await _edges(user_id, request, viewing, paging, fetch)


@router.get("/users/{user_id}/following", response_model=EdgePage, responses=_PAGED)
async def following(user_id: PathId, request: Request, viewing: Viewing, paging: Paging) -> Response:
    """Whom the account follows, the newest first."""

    async def fetch(before: tuple[int, str] | None, limit: int) -> list[tuple[int, str]]:
        return await viewing.reads.graph.following(user_id, before, limit)

    return await _edges(user_id, request, viewing, paging, fetch)


@router.get("/me/history", response_model=HistoryPage, responses=documented(304, 400, 401, 503))
async def history(who: Caller, request: Request, viewing: Viewing, paging: Paging) -> Response:
    """What the caller watched, the latest first; videos that are gone are left out."""

    async def fetch(before: tuple[int, str] | None, limit: int) -> list[tuple[int, str]]:
        return await viewing.reads.seen.history(who.actor_id, before, limit)

    async def show(keysets: Keysets) -> list[WatchedCard | None]:
        cards = await viewing.cards([video_id for _, video_id in keysets])
        return [
            WatchedCard(**dict(card), watched_at=watched_at) if card else None
            for card, (watched_at, _) in zip(cards, keysets, strict=True)
        ]

    items, after = await paging.page(fetch, show)
    return answer(request, HistoryPage(items=items, next_cursor=after), private=True)


async def _edges(user_id: str, request: Request, viewing: Viewer, paging: Paging, fetch: Fetch) -> Response:
    await _known(viewing, user_id)

    async def show(keysets: Keysets) -> list[Edge]:
        users = await viewing.people([other for _, other in keysets])
        return [_edge(viewing, other, since, users.get(other)) for since, other in keysets]

    items, after = await paging.page(fetch, show)
    page = EdgePage(items=items, next_cursor=after)
    return answer(request, page, private=viewing.user_id is not None)


def _edge(viewing: Viewer, user_id: str, since: int, found: User | None) -> Edge:
    return Edge(
        user_id=user_id,
        username=found.username if found else None,
        display_name=found.display_name if found else None,
        avatar_url=viewing.url(found.avatar_key) if found else None,
        since=since,
    )


async def _known(viewing: Viewer, user_id: str) -> User:
    found = await viewing.people([user_id])
    if user_id not in found:
        raise not_found("user")
    return found[user_id]


async def _followed(viewing: Viewer, user_id: str) -> bool | None:
    if viewing.user_id is None:
        return None
    (yes,) = await viewing.reads.graph.follows(viewing.user_id, [user_id])
    return yes
