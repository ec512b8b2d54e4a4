"""GET /v1/feed/...: what to watch next. Serving a page to someone is a fact (`feed.served`)."""

import asyncio
from typing import Annotated

import orjson
from fastapi import Query, Request, Response

from api.auth import Caller, MaybeCaller, caller
from api.card_text import CardText
from api.cards import Viewer
from api.direct import direct_router
from api.documented import documented
from api.etag import answered
from api.models import FeedPage
from api.pages import Cursors
from api.parts import Parts, PartsOf, parts_of
from api.served import Slate, served
from api.viewing import Asked, Keysets, Paging, Viewing, texts_by
from infra.clock import new_event_id
from projections.trending.store import Window


async def _first_page(request: Request, limit: int) -> Response:
    """What `following` answers to a request without a cursor."""
    parts, who = await parts_of(request), await caller(request)
    viewing = Viewer(await parts.reads.live(), who.actor_id, parts.settings.media_base_url)
    cursors = Cursors(parts.settings.cursor_secret.get_secret_value().encode())
    paging = Asked(cursors, request.scope["path"], who.actor_id, limit, None)
    return await following(request, parts, who, viewing, paging)


router = direct_router("/following", _first_page, prefix="/v1/feed", tags=["feeds"])


@router.get("/following", response_model=FeedPage, responses=documented(304, 400, 401, 503))
async def following(
    request: Request, parts: PartsOf, who: Caller, viewing: Viewing, paging: Paging
) -> Response:
    """The newest videos of the accounts that the caller follows, newest first."""
    reads = viewing.reads

    async def fetch(before: tuple[int, str] | None, limit: int) -> list[tuple[int, str]]:
        return await reads.feed.following(who.actor_id, before, limit)

    (items, after), lags = await asyncio.gather(paging.page(fetch, texts_by(viewing)), reads.lag.lags())
    slate = Slate("following", reads.generation, "following", [(card, None) for card in items], lags)
    return _serve(request, parts, slate, who.actor_id, after)


@router.get("/trending", response_model=FeedPage, responses=documented(304, 400, 401, 503))
async def trending(
    request: Request,
    parts: PartsOf,
    principal: MaybeCaller,
    viewing: Viewing,
    paging: Paging,
    window: Annotated[Window, Query(description="How far back engagement counts.")] = "24h",
) -> Response:
    """What rises: by engagement within the window, decayed by age, highest first."""
    reads = viewing.reads

    async def fetch(before: tuple[float, str] | None, limit: int) -> list[tuple[float, str]]:
        return await reads.trending.top(window, before, limit)

    async def show(keysets: Keysets) -> list[tuple[CardText, float] | None]:
        cards = await viewing.texts([video_id for _, video_id in keysets])
        return [
            (card, float(score)) if card else None for card, (score, _) in zip(cards, keysets, strict=True)
        ]

    (items, after), lags = await asyncio.gather(paging.within(window).page(fetch, show), reads.lag.lags())
    slate = Slate("trending", reads.generation, f"trending:{window}", list(items), lags)
    return _serve(request, parts, slate, principal.actor_id if principal else None, after)


def _serve(request: Request, parts: Parts, slate: Slate, user_id: str | None, after: str | None) -> Response:
    """The page, and the fact that it was served; the fact neither delays nor fails the page."""
    now_ms = parts.clock.now_ms()
    request_id = new_event_id(now_ms)
    items, cursor = b",".join(card.text for card, _ in slate.items), orjson.dumps(after)
    plain = b'{"items":[%s],"next_cursor":%s}' % (items, cursor)
    page = b'%s,"request_id":"%s"}' % (plain[:-1], request_id.encode())
    response = answered(request, page, private=user_id is not None, tagged=plain)
    # A 304 shows the page that was served before, under its own request_id.
    if user_id is not None and slate.items and response.status_code == 200:
        parts.background.put(served(slate, user_id, request_id, now_ms))
    return response
