"""Laws of the door: it never breaks, its verdicts are pydantic's, what it takes in can be read."""

import gzip
import json
from typing import Any

import httpx
from fastapi import FastAPI
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from api.callers.roles import may_post
from api.events.parsing import Rejection, _array, _careful, _checked, events_in
from api.events.validation import rules
from api.problems import Problem
from schemas.batch import APPENDED_AT, OFFSET
from schemas.catalogue import latest, versions
from schemas.columns import from_rows
from schemas.events import EVENTS, SEALED
from tests.api.door import NO_SCOPE_KEY, NOW, SERVICE_KEY, Door

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text()
    | st.sampled_from(["\0", "\ud800", "v1", 'a":', "0192f0c1-a2b3-7c0d-8e4f-5a6b7c8d9e0f"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _example(event_type: str) -> dict[str, Any]:
    """A valid event as a service sends it."""
    schema = latest(event_type)
    event: dict[str, Any] = {"event_type": event_type, "actor_id": "ann"}
    for field in [*schema.fields, *schema.sealed]:
        if "default" not in field and "filled_by" not in field and field["name"] not in event:
            event[field["name"]] = _filler(field)
    return event


def _filler(field: Any) -> Any:
    kind = field["type"]
    if field["name"] == "event_id":
        return "0192f0c1-a2b3-7c0d-8e4f-5a6b7c8d9e0f"
    if isinstance(kind, dict):
        return {"enum": kind.get("symbols", [None])[0], "array": [], "long": NOW}[kind["type"]]
    return {"string": "x1", "boolean": True, "double": 1.5}.get(kind, field.get("minimum", 1))


_EXAMPLES = {event_type: _example(event_type) for event_type in versions()}
_NAMES = sorted(
    {name for type_ in versions() for name in (f["name"] for f in latest(type_).fields)} | {"text", "x"}
)


@st.composite
def events(draw: Any) -> dict[str, Any]:
    """A valid event with up to three fields changed, added or taken away."""
    event = dict(_EXAMPLES[draw(st.sampled_from(sorted(_EXAMPLES)))])
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(sorted(event)) | st.sampled_from(_NAMES))
        if draw(st.booleans()):
            event.pop(name, None)
        else:
            event[name] = draw(_JSON)
    return event


def _by_pydantic(event: dict[str, Any]) -> bool:
    """Whether the models take the event, with what the gateway would have filled in."""
    event_type = event.get("event_type")
    if not isinstance(event_type, str) or event_type not in EVENTS or not may_post("service", event_type):
        return False
    names = {field["name"] for field in latest(event_type).sealed}
    server = {f["name"] for f in latest(event_type).fields if "filled_by" in f} - {"actor_id"}
    if event.keys() & server or _holds_nul(event):
        return False
    filled = {name: value for name, value in event.items() if name not in names}
    try:
        EVENTS[event_type].model_validate(filled | {"source": "/svc/backfill", "received_at": NOW})
        if names:
            SEALED[event_type].model_validate({name: event[name] for name in names if name in event})
    except ValidationError:
        return False
    return "Infinity" not in json.dumps(event) and "NaN" not in json.dumps(event)


def _holds_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_nul, [*value, *value.values()]))
    return (
        any(map(_holds_nul, value)) if isinstance(value, list) else isinstance(value, str) and "\0" in value
    )


@given(st.lists(events(), min_size=1, max_size=4))
@settings(max_examples=150)
@example([_EXAMPLES["feed.served"] | {"feed": "\0"}])
async def test_verdicts_are_pydantics_and_what_is_accepted_can_be_read_back(
    batch: list[dict[str, Any]],
) -> None:
    door = Door()
    answer = await door.post(batch, token=SERVICE_KEY)
    expected = [_by_pydantic(event) for event in batch]
    assert [verdict["status"] == "accepted" for verdict in answer.json()["events"]] == expected
    assert answer.status_code == (202 if any(expected) else 422)
    assert len(door.log.events) == sum(expected)  # decoded by the codec
    for event in door.log.events:  # and as columns
        from_rows(str(event["event_type"]), [event | {OFFSET: 0, APPENDED_AT: 0}])


@given(
    st.binary(max_size=300) | _JSON.map(lambda value: json.dumps(value).encode()),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=150)
async def test_no_body_breaks_the_door(body: bytes, lines: bool, packed: bool) -> None:
    headers = {"content_type": "application/x-ndjson" if lines else "application/json"}
    if packed:
        headers["content_encoding"], body = "gzip", gzip.compress(body)
    answer = await Door().post(body, **headers)
    assert answer.status_code in (202, 400, 413, 422)


@given(st.lists(events() | _JSON, min_size=1, max_size=4))
@settings(max_examples=150)
def test_the_fast_way_reads_what_the_careful_way_reads(batch: list[Any]) -> None:
    body = json.dumps(batch).encode()
    fast = _array(body)
    careful = [_checked(value) for value in _careful(body)]
    for one, other in zip(fast, careful, strict=True):
        assert isinstance(one, Rejection) == isinstance(other, Rejection)
        if not isinstance(one, Rejection) and "e+" not in json.dumps(other):
            assert _small(one) == _small(other)


def _small(value: Any) -> Any:
    """The value without integers beyond 64 bits, which orjson reads as floats: no field takes either."""
    return {key: item for key, item in value.items() if not isinstance(item, (int, float, list, dict))}


@given(st.binary(max_size=200))
def test_reading_ends_in_events_or_a_problem(body: bytes) -> None:
    for lines in (False, True):
        try:
            assert events_in(body, lines)
        except Problem as problem:
            assert problem.status_code in (400, 413)


_ALMOST = st.sampled_from([True, 1, 1.0, 1.5, "1", "x1", "", None, [], ["x"], (), 2**31, 2**63, "x" * 129])


@given(events(), st.integers(0), _ALMOST)
@settings(max_examples=500)
def test_the_quick_judge_takes_what_the_model_takes(event: dict[str, Any], nth: int, almost: Any) -> None:
    fields = latest(_type_of(event)).fields
    event = event | {fields[nth % len(fields)]["name"]: almost}
    found = rules()[_type_of(event)]
    names = {field["name"] for field in latest(_type_of(event)).sealed}
    plain = {name: value for name, value in event.items() if name not in names}
    plain |= {"event_type": _type_of(event), "source": "/svc/backfill", "received_at": NOW}
    try:
        found.model.model_validate(plain)
    except ValidationError:
        assert not found.takes(plain)
    else:
        assert found.takes(plain)


def _type_of(event: dict[str, Any]) -> str:
    given_type = event.get("event_type")
    return given_type if isinstance(given_type, str) and given_type in EVENTS else "view.started"


_BODIES = (
    st.lists(events() | _JSON, max_size=4).map(lambda batch: json.dumps(batch).encode())
    | st.binary(max_size=50)
    | _JSON.map(lambda value: json.dumps(value).encode())
)
_HEADERS = st.fixed_dictionaries(
    {
        "content-type": st.sampled_from(["application/json", "application/x-ndjson", "text/plain", ""]),
        "x-request-id": st.just("one"),
    },
    optional={
        "content-encoding": st.sampled_from(["identity", "gzip", "br", " GZIP "]),
        "authorization": st.sampled_from(
            [
                f"Bearer {SERVICE_KEY}",
                f"bearer {NO_SCOPE_KEY}",
                "Bearer x",
                "Basic x",
                "Bearer",
                f"Bearer {SERVICE_KEY}x",
            ]
        ),
    },
)


@given(_BODIES, _HEADERS, st.booleans(), st.booleans())
@settings(max_examples=200)
async def test_the_short_way_answers_what_the_framework_answers(
    body: bytes, headers: dict[str, str], known: bool, broken: bool
) -> None:
    said = []
    if known:
        headers |= {"authorization": f"Bearer {SERVICE_KEY}", "content-type": "application/json"}
    for short in (True, False):
        door = Door()
        door.log.broken = broken
        app = door.app if short else _framework(door.app)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as client:
            answer = await client.post("/v1/events", content=body, headers=headers)
        sealing = {"pii": None, "pii_key_id": None}  # fresh in every door
        logged = [event | sealing for event in door.log.events]
        said.append((answer.status_code, answer.headers.multi_items(), answer.content, logged))
    assert said[0] == said[1]


def _framework(app: FastAPI) -> Any:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await FastAPI.__call__(app, scope, receive, send)

    return slow
