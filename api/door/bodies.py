"""The door's body as bytes, inflated within bounds. How much may arrive is api.door.bounds' business."""

import zlib

from fastapi import Request
from starlette.types import Receive

from api.door.headers import header
from api.limits import MAX_INFLATED
from api.problems import Problem

_GZIP = 31  # zlib's word for: a gzip header, the largest window


async def read(request: Request) -> bytes:
    """The body, inflated when it is gzip; raises Problem (400, 408, 413, 415, 503)."""
    coding = (header(request, b"content-encoding") or "identity").strip().lower()
    if coding not in ("identity", "gzip"):
        raise Problem(415, "unsupported_encoding", "Content-Encoding is gzip or absent.")
    raw = await _whole(request.receive)
    return inflate(raw) if coding == "gzip" else raw


async def _whole(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "disconnected", "The client went away.")
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def inflate(raw: bytes) -> bytes:
    """One gzip member, at most MAX_INFLATED bytes large; raises Problem (400, 413)."""
    stream = zlib.decompressobj(_GZIP)
    try:
        body = stream.decompress(raw, MAX_INFLATED + 1)
    except zlib.error:
        raise Problem(400, "bad_gzip", "The body is not gzip.") from None
    if len(body) > MAX_INFLATED:
        raise Problem(413, "body_too_large", f"An inflated body is at most {MAX_INFLATED} bytes.")
    if not stream.eof or stream.unused_data:
        raise Problem(400, "bad_gzip", "The body is not exactly one whole gzip member.")
    return body
