"""What can still be read of a message that is no event: its fields up to the one that is broken.

For people who look at dead letters. Nothing is resolved to a newer schema and nothing is unsealed.
"""

import json
from io import BytesIO
from typing import Any

import fastavro

from schemas.book import SchemaBook
from schemas.codec import HEADER, schema_id
from schemas.errors import SchemaError

BROKEN = (ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, MemoryError)


def readable(message: bytes, book: SchemaBook) -> dict[str, Any] | None:
    """Fields of an Avro body, or the object of a JSON text; None when it is neither."""
    try:
        schema = book.schema(schema_id(message))
    except SchemaError:
        return _json(message)
    stream, found = BytesIO(message[HEADER.size :]), dict[str, Any]()
    for field in schema.raw["fields"]:
        try:
            value: Any = fastavro.schemaless_reader(stream, fastavro.parse_schema(field["type"]), None)
        except BROKEN:
            break
        found[field["name"]] = value.isoformat() if hasattr(value, "isoformat") else value
    return found or None


def _json(message: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
