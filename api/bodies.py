"""A request's body as bytes: bounded in size, in inflated size and in time."""

import asyncio
import zlib

from fastapi import Request
from starlette.requests import ClientDisconnect

from api.limits import BODY_SECONDS, MAX_BODY, MAX_INFLATED
from api.problems import Problem

_GZIP = 31  # zlib's word for: a gzip header, the largest window


async def read(request: Request) -> bytes:
    """The body, inflated when it is gzip; raises Problem (400, 408, 413, 415)."""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip"):
        raise Problem(415, "unsupported_encoding", "Content-Encoding is gzip or absent.")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            raw = await _bounded(request)
    except TimeoutError:
        raise Problem(408, "slow_body", f"The body was not here within {BODY_SECONDS:g} s.") from None
    except ClientDisconnect:
        raise Problem(400, "disconnected", "The client went away.") from None
    return inflate(raw) if coding == "gzip" else raw


async def _bounded(request: Request) -> bytes:
    too_large = Problem(413, "body_too_large", f"A body is at most {MAX_BODY} bytes.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 12 or int(declared) > MAX_BODY):
        raise too_large
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY:
            raise too_large
        chunks.append(chunk)
    return b"".join(chunks)


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
