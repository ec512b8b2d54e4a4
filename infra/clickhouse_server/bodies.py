"""Compressed bodies, in and out, bounded: a small body that unpacks to a huge one is refused."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import lz4.frame
import zstandard

from infra.clickhouse_server.errors import ClickHouseError

_STEP = 1 << 20
_PREFERENCE = ("zstd", "lz4", "gzip", "deflate")
_PACK: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstandard.ZstdCompressor(level=1).compress(body),
    "lz4": lambda body: bytes(lz4.frame.compress(body)),
    "gzip": lambda body: gzip.compress(body, compresslevel=1, mtime=0),
    "deflate": lambda body: zlib.compress(body, 1),
}

_OPEN: dict[str, Callable[[io.BytesIO], Any]] = {
    "gzip": lambda source: gzip.GzipFile(fileobj=source),
    "lz4": lz4.frame.LZ4FrameFile,
    "zstd": lambda source: zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True),
}


def too_large(limit: int) -> ClickHouseError:
    """The error for a body past the bound, in bytes."""
    return ClickHouseError(307, "TOO_MANY_BYTES", f"The body is larger than {limit} bytes.")


def unpack(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its Content-Encoding; raises ClickHouseError 48, 307 or 432 (damaged)."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in _PACK:
        raise ClickHouseError(48, "NOT_IMPLEMENTED", f"Content-Encoding {name!r} is not supported.")
    out = bytearray()
    try:
        for piece in _pieces(body, name):
            out += piece
            if len(out) > limit:
                raise too_large(limit)
    except (zlib.error, EOFError, OSError, RuntimeError, zstandard.ZstdError) as error:
        raise ClickHouseError(432, "UNKNOWN_CODEC", f"The {name} body is damaged: {error}") from error
    return bytes(out)


def _pieces(body: bytes, name: str) -> Iterator[bytes]:
    source = io.BytesIO(body)
    if name == "deflate":
        yield from _inflate(body)
        return
    with _OPEN[name](source) as stream:
        while piece := stream.read(_STEP):
            yield piece


def _inflate(body: bytes) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    rest = body
    while rest and not unpacker.eof:
        yield unpacker.decompress(rest, _STEP)
        rest = unpacker.unconsumed_tail
    if not unpacker.eof:
        raise EOFError("it ends too early")


def pack(body: bytes, accepted: str) -> tuple[bytes, str]:
    """The body in the best encoding of an Accept-Encoding header, and its name ('' for none)."""
    offered = {part.split(";")[0].strip().lower() for part in accepted.split(",")}
    for name in _PREFERENCE:
        if name in offered:
            return _PACK[name](body), name
    return body, ""
