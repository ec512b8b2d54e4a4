"""What POST /v1/events answers, and what OpenAPI says about it."""

from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from api.documented import documented
from api.events.judged import Judged
from api.events.parsing import Rejection

_ID = "0192f0c1-a2b3-7c0d-8e4f-5a6b7c8d9e0f"
_OTHER = "0192f0c1-a2b3-7c0d-8e4f-5a6b7c8d9e10"


class Verdict(BaseModel):
    """What became of one event, in the order of the request."""

    index: int
    event_id: str | None = Field(description="As the client wrote it; null when there is none to echo.")
    status: Literal["accepted", "rejected"]
    code: str | None = Field(
        description="Why: malformed_json, not_an_object, duplicate_key, not_finite, bad_text, too_deep, "
        "event_too_large, unknown_type, forbidden_type, server_field, unknown_field, missing, invalid, "
        "not_yours, unknown_video, owner_not_checked (post again)."
    )
    field: str | None
    detail: str | None


class Verdicts(BaseModel):
    """One verdict for each event."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "accepted": 1,
                    "rejected": 1,
                    "events": [
                        {
                            "index": 0,
                            "event_id": _ID,
                            "status": "accepted",
                            "code": None,
                            "field": None,
                            "detail": None,
                        },
                        {
                            "index": 1,
                            "event_id": _OTHER,
                            "status": "rejected",
                            "code": "missing",
                            "field": "video_id",
                            "detail": "Field required",
                        },
                    ],
                }
            ]
        }
    )
    accepted: int
    rejected: int
    events: list[Verdict]


_EVENT = {
    "event_id": _ID,
    "event_type": "video.liked",
    "occurred_at": 1_800_000_000_000,
    "video_id": "v-0192f0c1a2b37c0d8e4f5a6b7c8d9e0f",
    "surface": "following",
}
REQUEST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "Flat objects with the field names of the Avro schemas. The server fills actor_id, "
        "source, received_at, and what the catalog knows of the video.",
        "content": {
            "application/json": {
                "schema": {"type": "array", "minItems": 1, "maxItems": 500, "items": {"type": "object"}},
                "example": [_EVENT],
            },
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": orjson.dumps(_EVENT).decode(),
            },
        },
    }
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"model": Verdicts, "description": "The log has every accepted event."},
    422: {"model": Verdicts, "description": "No event was valid."},
    **documented(401, 408, 429),
    **documented(400, why="Not JSON, or no events."),
    **documented(403, why="A key without the scope events:write."),
    **documented(413, why="Too many events or bytes."),
    **documented(415, why="Neither JSON nor NDJSON, or an unknown encoding."),
    **documented(503, why="The log did not confirm in time; post the same body again after Retry-After."),
}


def verdicts(judged: Judged) -> tuple[int, bytes]:
    """(202, a verdict for each event), or 422 when all are rejections."""
    rows = [""] * len(judged)
    for place, draft in judged.drafts.items():
        rows[place] = _accepted(place, draft.shown_id)
    for alike in judged.alike:
        for place, shown_id in zip(alike.places, alike.shown_ids, strict=True):
            rows[place] = _accepted(place, shown_id)
    for place, why in judged.rejected.items():
        rows[place] = _rejected(place, why)
    accepted = len(rows) - len(judged.rejected)
    head = f'{{"accepted":{accepted},"rejected":{len(judged.rejected)},"events":['
    return (202 if accepted else 422), f"{head}{','.join(rows)}]}}".encode()


def _accepted(place: int, shown_id: str) -> str:
    """A verdict as JSON. An accepted event's id is a UUID: nothing in it needs an escape."""
    return (
        f'{{"index":{place},"event_id":"{shown_id}","status":"accepted",'
        '"code":null,"field":null,"detail":null}'
    )


def _rejected(place: int, why: Rejection) -> str:
    row = {
        "index": place,
        "event_id": why.event_id,
        "status": "rejected",
        "code": why.code,
        "field": why.field,
        "detail": why.detail,
    }
    return orjson.dumps(row).decode()
