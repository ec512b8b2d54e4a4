"""Problem responses as OpenAPI shows them: `responses=documented(404, 503)` beside a route."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from api.problems import MEDIA_TYPE

ABOUT = """
Clients post what happened to `/v1/events`; a video's bytes go to the address that `/v1/uploads` gives.
Everything that is read here is folded from those events, within moments.

* **Who asks**: `Authorization: Bearer <JWT or API key>`. Reads are public but for feeds of one's own,
  history and uploads; who is known also sees videos for followers, and what he likes.
* **Pages**: send `next_cursor` back as `cursor`; `null` is the end. A cursor works for the list and the
  user it was made for.
* **Refusals** are `application/problem+json` with a stable `code`. After 429 and 503 send the same
  request again when `Retry-After` is over: the same event ids change nothing twice.
* **Caching**: reads carry an `ETag`; `If-None-Match` is answered 304 when nothing changed.
* **Times** are epoch milliseconds, ids at most 128 of `A-Z a-z 0-9 . _ : @ -`.
"""
TAGS = [
    {"name": "events", "description": "The one door in."},
    {"name": "feeds", "description": "What to watch next."},
    {"name": "videos", "description": "A video, its playback and comments; what its owner does with it."},
    {"name": "people", "description": "Accounts, who follows whom, what was watched."},
    {"name": "uploads", "description": "A video's way in."},
    {"name": "operation", "description": "Alive, ready, measured."},
    {"name": "development", "description": "The local stack's tokens."},
]


class ProblemView(BaseModel):
    """A refusal (RFC 9457). ``code`` is stable; ``detail`` is for the developer who reads it."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["/problems/not_found"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    code: str = Field(examples=["not_found"])
    detail: str = Field(examples=["There is no such video."])


OWN = ("/v1/me", "/v1/uploads", "/v1/feed/following", "/v1/events/")
"""What is read by its owner alone, or by services."""
BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A JWT of the identity provider, or a server's API key `rf_<id>_<secret>`.",
}

_WHY = {
    304: "Nothing changed since the ETag in If-None-Match.",
    400: "A parameter is wrong, or the cursor belongs to another list or user.",
    401: "No credential, or one that stands for nobody.",
    403: "This is not yours to change.",
    404: "There is no such thing, or not for you.",
    408: "The body did not arrive in time.",
    409: "Not in this state; the detail says what comes first.",
    413: "More bytes than a body, or an upload, may have.",
    422: "The body is not what this route takes; the member `field` names the place.",
    429: "Too fast; Retry-After says when to go on.",
    503: "A store or the log does not answer. Retry-After says when to send the same again.",
}


def documented(*statuses: int, why: str = "") -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses of these statuses; ``why`` in place of what they mean everywhere else."""
    return {status: _documented(status, why or _WHY[status]) for status in statuses}


def _documented(status: int, why: str) -> dict[str, Any]:
    if status == HTTPStatus.NOT_MODIFIED:
        return {"description": why}
    example = {
        "type": "/problems/some_code",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": "some_code",
        "detail": why,
    }
    content = {MEDIA_TYPE: {"schema": ProblemView.model_json_schema(), "example": example}}
    shown: dict[str, Any] = {"description": why, "content": content}
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        shown["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    return shown


def describe(app: FastAPI) -> None:
    """Say in the application's OpenAPI what the framework cannot know.

    Wrong parameters are 400 problems here and not FastAPI's 422; and a route that answers 401 takes a
    bearer token, needs it unless what it reads is public.
    """
    made = app.openapi

    def openapi() -> dict[str, Any]:
        spec = made()
        for path, methods in spec["paths"].items():
            for method, operation in methods.items():
                if _is_frameworks(operation["responses"].get("422", {})):
                    del operation["responses"]["422"]
                if "401" in operation["responses"]:
                    public = method == "get" and not path.startswith(OWN)
                    operation["security"] = [{"bearer": []}, *([{}] if public else [])]
        spec.setdefault("components", {})["securitySchemes"] = {"bearer": BEARER}
        for name in ("HTTPValidationError", "ValidationError"):
            spec.get("components", {}).get("schemas", {}).pop(name, None)
        return spec

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _is_frameworks(response: dict[str, Any]) -> bool:
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    return str(schema.get("$ref", "")).endswith("/HTTPValidationError")
