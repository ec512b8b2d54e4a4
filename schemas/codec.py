"""One event <-> Confluent wire format, by fastavro: 0x00, schema id (4 bytes, big endian), Avro.

This is the oracle. Batches go through schemas.columns, which a property test holds equal to it.
"""

import struct
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

import fastavro

from schemas.book import SchemaBook
from schemas.catalogue import EventSchema, latest
from schemas.errors import InvalidEvent

HEADER = struct.Struct(">bI")
EVENT_ID_LENGTH = 36


class Kept(list[Any]):
    """A list of records that many events carry: written once, so not to be changed any more."""

    __slots__ = ("wire",)

    def __init__(self, items: Iterable[Any]) -> None:
        super().__init__(items)
        self.wire: tuple[Any, str] | None = None

    def written(self, kind: Any) -> str:
        """As Avro, a letter of Latin-1 for each byte. ``kind`` is the field's type, which names no type from
        outside of it; raises what fastavro raises."""
        if self.wire is None or self.wire[0] is not kind:
            out = BytesIO()
            fastavro.schemaless_writer(out, kind, [*self], strict_allow_default=True)
            self.wire = kind, out.getvalue().decode("latin-1")
        return self.wire[1]


def encode(event: Mapping[str, Any], book: SchemaBook) -> bytes:
    """The event (field -> value, timestamps in epoch ms) as wire bytes; raises InvalidEvent."""
    schema_id = book.id_of(event["event_type"])
    out = BytesIO()
    out.write(HEADER.pack(0, schema_id))
    try:
        plain = {name: [*value] if type(value) is Kept else value for name, value in event.items()}
        fastavro.schemaless_writer(out, book.schema(schema_id).parsed, plain, strict_allow_default=True)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise InvalidEvent("unencodable", str(error), "validate") from error
    return out.getvalue()


def schema_id(message: bytes) -> int:
    """The schema id in a message's header; raises InvalidEvent when it has none."""
    if len(message) < HEADER.size or message[0] != 0:
        raise InvalidEvent("bad_magic", "the message does not begin with 0x00 and a schema id")
    return int(HEADER.unpack_from(message)[1])


def decode(message: bytes, book: SchemaBook) -> dict[str, Any]:
    """The message as field -> value, in the newest schema; raises InvalidEvent, UnknownSchema."""
    return decode_body(message[HEADER.size :], book.schema(schema_id(message)))


def decode_body(body: bytes, writer: EventSchema) -> dict[str, Any]:
    """An Avro body in its writer's schema, resolved to the newest version; raises InvalidEvent."""
    stream = BytesIO(body)
    reader = latest(writer.event_type)
    try:
        event = fastavro.schemaless_reader(
            stream,
            writer.parsed,
            None if reader.version == writer.version else reader.parsed,
        )
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        EOFError,
        OverflowError,
        MemoryError,
    ) as error:
        raise InvalidEvent("undecodable", f"{type(error).__name__}: {error}"[:500]) from error
    if stream.read(1):
        raise InvalidEvent("trailing_bytes", "the record ends before the message does")
    if not isinstance(event, dict):
        raise InvalidEvent("undecodable", "the schema is not a record")
    return _plain(event, writer.event_type)


def _plain(event: dict[str, Any], event_type: str) -> dict[str, Any]:
    if event["event_type"] != event_type:
        raise InvalidEvent("wrong_type", f"{event['event_type']!r} in a {event_type} record", "validate")
    if len(event["event_id"]) != EVENT_ID_LENGTH:
        raise InvalidEvent("bad_event_id", "event_id is not a UUID of 36 characters", "validate")
    return {name: _epoch_ms(value) for name, value in event.items()}


def _epoch_ms(value: Any) -> Any:
    """Avro's timestamps come back as datetimes; everything here speaks epoch milliseconds."""
    if hasattr(value, "timestamp"):
        return round(value.timestamp() * 1000)
    return value
