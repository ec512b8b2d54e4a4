"""POST /v1/events: the one door in.

Validate each, complete the valid ones, publish them as one batch, and answer when the broker has
it. Nothing here deduplicates, and nothing is answered before the log's yes.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api import problems
from api.callers.accounts import WRITE_EVENTS, Principal
from api.callers.auth import Caller, named
from api.door import bodies
from api.door.answering import answer
from api.door.headers import header
from api.events import answers
from api.events.completion import complete
from api.events.facts import FactCache
from api.events.judged import Judged
from api.events.parsing import Rejection, events_in
from api.events.shapes import checked
from api.limits import InFlight, TokenBuckets
from api.parts import Parts, PartsOf
from api.problems import Problem, unavailable, within_rate
from api.requests import Route
from infra.failpoints import reach
from infra.kafka.messages import Events, Message
from infra.kafka.publisher import EventLog
from infra.telemetry import INGESTED

router = APIRouter(tags=["events"])
PATH = "/v1/events"

SLICE = 100
_ACCEPTED, _REJECTED = INGESTED.labels("accepted"), INGESTED.labels("rejected")
_JSON = (b"content-type", b"application/json")
_TYPES = {"application/json": False, "application/x-ndjson": True}


@dataclass(frozen=True, slots=True)
class Door:
    """What the door keeps between requests: all of it may be lost."""

    facts: FactCache
    buckets: TokenBuckets
    in_flight: InFlight

    @classmethod
    def of(cls, parts: Parts) -> "Door":
        """A door over these parts."""
        settings = parts.settings
        buckets = TokenBuckets(settings.rate_per_second, settings.rate_burst, parts.clock)
        return cls(FactCache(parts.reads, parts.clock), buckets, InFlight())


async def door_of(request: Request) -> Door:
    """The application's door."""
    door: Door = request.app.state.door
    return door


DoorOf = Annotated[Door, Depends(door_of)]


@router.post(PATH, status_code=202, responses=answers.RESPONSES, openapi_extra=answers.REQUEST)
async def post_events(request: Request, principal: Caller, parts: PartsOf, door: DoorOf) -> Response:
    """Post up to 500 events as a JSON array or NDJSON, gzip allowed, at most 1 MiB.

    Each event gets a verdict. 202: the log has every accepted event. 422: none was valid. After 503
    or 429 send the same body again after Retry-After: the same event ids change nothing twice.
    """
    status, body = await _answered(request, principal, parts, door)
    return Response(body, status, media_type="application/json")


async def _answered(request: Request, principal: Principal, parts: Parts, door: Door) -> tuple[int, bytes]:
    if principal.role == "service" and WRITE_EVENTS not in principal.scopes:
        raise Problem(403, "missing_scope", f"This key lacks the scope {WRITE_EVENTS}.")
    lines = _lines(request)
    within_rate(door.buckets.wait_ms(principal.actor_id, 1))
    body = await bodies.read(request)
    if not door.in_flight.admit(len(body)):
        raise unavailable("door", 1)
    try:
        events = events_in(body, lines)
        within_rate(door.buckets.take(principal.actor_id, len(events)))
        judged = await _take_in(events, principal, parts, door)
    finally:
        door.in_flight.release(len(body))
    return answers.verdicts(judged)


async def _take_in(
    events: Sequence[dict[str, Any] | Rejection], principal: Principal, parts: Parts, door: Door
) -> Judged:
    received_at = parts.clock.now_ms()
    judged = checked(events, range(min(SLICE, len(events))), principal, received_at)
    for start in range(SLICE, len(events), SLICE):
        await asyncio.sleep(0)  # other requests have their turn: a full body takes 10 ms
        places = range(start, min(start + SLICE, len(events)))
        judged.extend(checked(events, places, principal, received_at))
    await complete(judged, principal, door.facts, parts.keyring)
    if accepted := await _messages(judged, parts.log):
        await parts.log.send(accepted)
        reach("after_publish")
    _ACCEPTED.inc(len(accepted))
    if judged.rejected:
        _REJECTED.inc(len(judged.rejected))
    return judged


async def _messages(judged: Judged, log: EventLog) -> list[Message]:
    """What is accepted, in the order of the request."""
    drafts = [draft.event for draft in judged.drafts.values()]
    pieces: list[Events] = [drafts[start : start + SLICE] for start in range(0, len(drafts), SLICE)]
    pieces += [alike.events for alike in judged.alike]
    if len(pieces) == 1:
        return log.messages(pieces[0])
    made: list[Message] = []
    for piece in pieces:
        if len(made) >= SLICE:
            await asyncio.sleep(0)
        made += log.messages(piece)
    places = chain(judged.drafts, *[alike.places for alike in judged.alike])
    return [one for _, one in sorted(zip(places, made, strict=True), key=itemgetter(0))]


_ROUTE = Route(PATH)


def is_post(scope: Scope) -> bool:
    """Whether a request posts events."""
    return bool(scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST")


async def straight(scope: Scope, receive: Receive, send: Send) -> None:
    """The route as a bare ASGI application: the framework's routing and dependencies cost more than all that
    is done for one event. What is done, and what is refused in which words, is the same."""
    scope["route"] = _ROUTE
    request, held = Request(scope, receive), scope["app"].state
    parts: Parts = held.parts
    try:
        status, body = await _answered(request, await named(request, parts), parts, held.door)
    except problems.KINDS as error:
        await problems.refusal(error)(scope, receive, send)
        return
    await answer(send, status, (_JSON,), body)


def _lines(request: Request) -> bool:
    """Whether the body is NDJSON; 415 when it is neither that nor JSON."""
    media = (header(request, b"content-type") or "").partition(";")[0].strip().lower()
    if media not in _TYPES:
        raise Problem(415, "unsupported_media_type", f"Content-Type is one of: {', '.join(_TYPES)}.")
    return _TYPES[media]
