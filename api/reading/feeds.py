"""GET /v1/feed/...: what to watch next. Serving a page to someone is a fact (`feed.served`)."""

import asyncio
import re
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from starlette.types import Receive, Scope, Send

from api import problems
from api.callers.auth import Caller, MaybeCaller, caller, named
from api.documented import documented
from api.door.answering import answer
from api.door.headers import header
from api.parts import Parts, PartsOf, parts_of
from api.reading.card_text import CardText
from api.reading.etag import PRIVATE, answered
from api.reading.models import FeedPage
from api.reading.pages import DEFAULT_LIMIT, MAX_LIMIT
from api.reading.served import Slate, served, told
from api.reading.viewing import Keysets, Paging, Viewing, asked, texts_by, viewer
from api.reading.warm import Shown, WarmFeed
from api.requests import Route
from infra.clock import new_event_id
from projections.trending.store import Window

FOLLOWING = "/v1/feed/following"
_PLAIN = re.compile(rb"(?:limit=(\d{1,2}))?")
_HEADERS = (
    (b"content-type", b"application/json"),
    (b"cache-control", PRIVATE.encode()),
    (b"vary", b"Authorization"),
)


async def _first_page(request: Request, limit: int) -> Response:
    """What `following` answers to a request without a cursor."""
    who = await caller(request)  # refused before anything is read
    paging = await asked(request, limit, None)
    return await following(request, await parts_of(request), who, await viewer(request), paging)


router = APIRouter(prefix="/v1/feed", tags=["feeds"])


_ROUTE = Route(FOLLOWING)


def is_plain(scope: Scope) -> bool:
    """Whether a request asks for a first page of the following feed, perhaps with a right limit, and for
    nothing else. Any other is the framework's, and so is what it refuses."""
    return bool(
        scope["type"] == "http"
        and scope["path"] == FOLLOWING
        and scope["method"] == "GET"
        and (asked := _PLAIN.fullmatch(scope["query_string"]))
        and 1 <= int(asked[1] or DEFAULT_LIMIT) <= MAX_LIMIT
    )


async def straight(scope: Scope, receive: Receive, send: Send) -> None:
    """The route as a bare ASGI application: past the framework, and from memory where that holds the page.
    What is answered, and what is refused in which words, is the same."""
    scope["route"] = _ROUTE
    request, held = Request(scope, receive), scope["app"].state
    parts: Parts = held.parts
    try:
        who = await named(request, parts)
        limit = int(scope["query_string"][len(b"limit=") :] or DEFAULT_LIMIT)
        warm: WarmFeed | None = held.warm
        found = None
        if warm is not None and header(request, b"if-none-match") is None:
            found = await warm.page(who.actor_id, limit)
        if found is not None:
            await _send(parts, who.actor_id, *found, send)
            return
        response = await _first_page(request, limit)
    except problems.KINDS as error:
        response = problems.refusal(error)
    await response(scope, receive, send)


async def _send(parts: Parts, user_id: str, shown: Shown, where: dict[str, Any], send: Send) -> None:
    now_ms = parts.clock.now_ms()
    request_id = new_event_id(now_ms)
    body = b'%s,"request_id":"%s"}' % (shown.text, request_id.encode())
    if shown.items:
        fact = told("following", where["generation"], user_id, request_id, now_ms)
        parts.background.put({**fact, "positions": where["positions"], "items": shown.items})
    await answer(send, 200, (*_HEADERS, (b"etag", shown.tag)), body)


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
