"""Many messages of one writer schema -> columns, at the speed of the log.

Payloads that share a schema, put end to end, are exactly the body of an Avro object-container
block; with a header in front Polars reads them all at once. Nothing marks where a record ends, so a
damaged one could shift its neighbours: therefore the proof below. Every record begins with its
event_id; when the column of ids equals the ids at the front of each payload, and a sentinel behind
the last one is found where it should be, each record ended exactly where its payload did. When the
proof fails, fastavro reads the batch one by one and says which are bad; the neighbours are unharmed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any

import polars as pl

from schemas.catalogue import AVRO_ATTRIBUTES, EventSchema, latest
from schemas.codec import EVENT_ID_LENGTH, decode_body
from schemas.errors import InvalidEvent

_SYNC = b"reelfold-columns"
_ID_MARK = bytes([2 * EVENT_ID_LENGTH])
_ID_END = 1 + EVENT_ID_LENGTH


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A payload that no record could be read from: its index in the batch, and why."""

    index: int
    error: InvalidEvent


def decode_columns(bodies: Sequence[bytes], writer: EventSchema) -> tuple[pl.DataFrame, list[Undecodable]]:
    """Avro bodies (without wire header) of one schema as a frame in the newest schema's columns.

    The frame has a row per good body, in order. Timestamps are Int64 epoch ms, enums String.
    """
    if not bodies:
        return empty(writer.event_type), []
    frame = _fast(bodies, writer)
    if frame is not None:
        return _conform(frame, latest(writer.event_type)), []
    return _one_by_one(bodies, writer)


def empty(event_type: str) -> pl.DataFrame:
    """A frame of the event's columns without rows."""
    return pl.DataFrame(schema=dtypes(latest(event_type)))


def _fast(bodies: Sequence[bytes], writer: EventSchema) -> pl.DataFrame | None:
    """All bodies in one read, or None when the proof of alignment fails."""
    if {body[:1] for body in bodies} != {_ID_MARK}:
        return None
    ids = [body[1:_ID_END] for body in bodies]
    try:
        frame = pl.read_avro(BytesIO(_container([*bodies, bodies[0]], writer)))
        expected = pl.Series([one.decode("ascii") for one in [*ids, ids[0]]])
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError):
        return None  # a panic of its reader is a BaseException; damage is judged one by one
    if not frame["event_id"].equals(expected):
        return None
    types = frame["event_type"]
    if types.n_unique() != 1 or types[0] != writer.event_type:
        return None
    return frame.head(len(bodies))


def _one_by_one(bodies: Sequence[bytes], writer: EventSchema) -> tuple[pl.DataFrame, list[Undecodable]]:
    good: list[dict[str, Any]] = []
    bad: list[Undecodable] = []
    for index, body in enumerate(bodies):
        try:
            good.append(decode_body(body, writer))
        except InvalidEvent as error:
            bad.append(Undecodable(index, error))
    return from_rows(writer.event_type, good), bad


def from_rows(event_type: str, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Events (field -> value, every field present) as a frame of the event's columns."""
    return pl.DataFrame(rows, schema=dtypes(latest(event_type)), strict=True)


def _conform(frame: pl.DataFrame, reader: EventSchema) -> pl.DataFrame:
    """The frame in the newest schema: missing columns by their default, enums and times plain."""
    plan = _plan(reader.event_type, reader.version, tuple(frame.schema.items()))
    return frame if plan is None else frame.select_seq(plan)


@lru_cache(maxsize=256)
def _plan(event_type: str, version: int, found: tuple[tuple[str, pl.DataType], ...]) -> list[pl.Expr] | None:
    """What makes columns of these types those of the newest schema, the same for every batch; None where they
    are."""
    if found == tuple(dtypes(latest(event_type)).items()):
        return None
    reader, given, columns = latest(event_type), dict(found), list[pl.Expr]()
    for field in reader.fields:
        name, dtype = field["name"], dtypes(reader)[field["name"]]
        if name not in given:
            columns.append(_default(field["default"], dtype).alias(name))
        elif isinstance(given[name], pl.Datetime):
            columns.append(pl.col(name).dt.epoch("ms"))
        else:
            columns.append(pl.col(name) if given[name] == dtype else pl.col(name).cast(dtype))
    return columns


def _default(value: Any, dtype: pl.DataType) -> pl.Expr:
    return pl.lit(pl.Series([value], dtype=dtype)).first()


_DTYPES: Mapping[str, pl.DataType] = {
    "string": pl.String(),
    "int": pl.Int32(),
    "long": pl.Int64(),
    "double": pl.Float64(),
    "boolean": pl.Boolean(),
}


@lru_cache(maxsize=256)
def _dtypes(event_type: str, version: int) -> Mapping[str, pl.DataType]:
    schema = latest(event_type)
    return {field["name"]: _dtype(field["type"]) for field in schema.fields}


def dtypes(schema: EventSchema) -> Mapping[str, pl.DataType]:
    """The Polars type of every column of the newest version of this event type."""
    return _dtypes(schema.event_type, schema.version)


def _dtype(avro: Any) -> pl.DataType:
    if isinstance(avro, list):
        return _dtype(next(branch for branch in avro if branch != "null"))
    if isinstance(avro, str):
        return _DTYPES[avro]
    match avro["type"]:
        case "array":
            return pl.List(_dtype(avro["items"]))
        case "enum":
            return pl.String()
        case "record":
            return pl.Struct({part["name"]: _dtype(part["type"]) for part in avro["fields"]})
        case other:
            return _DTYPES[other]


def _container(bodies: Sequence[bytes], writer: EventSchema) -> bytes:
    block = b"".join(bodies)
    return b"".join((_head(writer.text), _varint(len(bodies)), _varint(len(block)), block, _SYNC))


@lru_cache(maxsize=256)
def _head(text: str) -> bytes:
    """An object-container header; defaults and our own attributes stripped (Polars refuses some)."""
    schema = json.dumps(_bare(json.loads(text)), separators=(",", ":")).encode()
    codec, name = b"avro.codec", b"avro.schema"
    return b"".join(
        (
            b"Obj\x01",
            _varint(2),
            _varint(len(name)) + name + _varint(len(schema)) + schema,
            _varint(len(codec)) + codec + _varint(4) + b"null",
            _varint(0),
            _SYNC,
        )
    )


def _bare(schema: Any) -> Any:
    if isinstance(schema, dict):
        keep = AVRO_ATTRIBUTES - {"default", "doc", "aliases"}
        return {name: _bare(value) for name, value in schema.items() if name in keep}
    if isinstance(schema, list):
        return [_bare(part) for part in schema]
    return schema


def _varint(number: int) -> bytes:
    """Avro's zigzag variable-length integer."""
    left = (number << 1) ^ (number >> 63)
    out = bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)
