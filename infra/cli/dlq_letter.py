"""One dead letter for people: part of `reelfold dlq show`, loaded by it alone."""

from collections.abc import Iterator
from typing import Any

from infra.clock import iso
from schemas.book import SchemaBook
from schemas.partial import readable
from streams.letters.reading import Parked
from streams.letters.settled import Settled


def shown(letter: Parked, done: Settled | None, book: SchemaBook, most: int | None) -> dict[str, Any]:
    """What `dlq show` tells; of the bytes at most ``most``."""
    value = letter.value or b""
    return {
        "place": str(letter.place),
        "state": "open" if done is None else f"{done.how} {iso(done.at)} by {done.run_id}",
        "reason": f"{letter.stage}: {letter.reason}",
        "error": letter.error,
        "schema_id": letter.schema_id or None,
        "appended": iso(letter.appended_at),
        "parked": iso(letter.parked_at),
        "parked_by": f"{letter.group} {letter.version}",
        "key": _text(letter.key),
        "headers": [[name, _text(held)] for name, held in letter.headers],
        "bytes": letter.whole_bytes,
        "kept_bytes": len(value),
        "event": readable(value, book),
        "hex": value[:most].hex(),
    }


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")


def dump(value: bytes) -> Iterator[str]:
    """Lines of sixteen bytes, in hex and as text."""
    for start in range(0, len(value), 16):
        row = value[start : start + 16]
        plain = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{start:08x}  {row.hex(' '):47}  {plain}"
