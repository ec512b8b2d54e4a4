"""Answers of the read API: JSON with an ETag, 304 for whoever has it already.

ETags are weak: they vouch for what the reader sees, not for every byte. A feed page leaves its
request_id out of the tag, because a page that did not change is the page that was served before.
"""

import hashlib

from fastapi import Request, Response
from pydantic import BaseModel

PUBLIC = "public, max-age=1"
"""Answers that are the same for everyone. A second is enough to shield a hot video."""
PRIVATE = "private, no-cache"
"""Answers that depend on who asks: kept by the client alone, and asked again each time."""


def answer(request: Request, model: BaseModel, *, private: bool) -> Response:
    """The model as JSON, or 304 when If-None-Match names its tag."""
    body = model.model_dump_json().encode()
    return answered(request, body, private=private, tagged=body)


def answered(request: Request, body: bytes, *, private: bool, tagged: bytes) -> Response:
    """JSON, or 304 when If-None-Match names its tag; ``tagged`` is what the tag vouches for."""
    tag = entity_tag(tagged)
    headers = {"ETag": tag, "Cache-Control": PRIVATE if private else PUBLIC, "Vary": "Authorization"}
    if unchanged(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def entity_tag(body: bytes) -> str:
    """A weak entity tag of these bytes."""
    return f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def unchanged(request: Request, tag: str) -> bool:
    """Does If-None-Match name this tag? Compared weakly (RFC 9110, 13.1.2)."""
    given = request.headers.get("if-none-match", "")
    opaque = tag.removeprefix("W/")
    return given.strip() == "*" or opaque in (part.strip().removeprefix("W/") for part in given.split(","))
