"""One event -> Confluent wire format by a function made for its schema: several times faster than fastavro.

The function is written out once a schema, field after field, and knows only the ordinary event: ASCII text,
exact types, no field that the schema lacks. Whatever else it meets goes to schemas.codec, so that bytes and
errors are fastavro's in every case; a property test holds them equal.

Bytes are put together as text of the letters 0 to 255, because Python joins text faster than it encodes
piece by piece: ASCII is itself, and every other byte is a letter of Latin-1.
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas import codec
from schemas.book import SchemaBook
from schemas.catalogue import EventSchema
from schemas.codec import Kept

Event = Mapping[str, Any]
_LONG, _INT = 1 << 63, 1 << 31
_GROUP = 1 << 14


class Unusual(Exception):
    """Not for the fast way; nothing need be wrong with it."""


NOT_SAID = (Unusual, TypeError, ValueError, KeyError, IndexError, AttributeError)


class Encoders:
    """The encoders of a book, each made when it is first needed."""

    def __init__(self, book: SchemaBook) -> None:
        self._book = book
        self._made: dict[str, Callable[[Event], bytes]] = {}

    def __call__(self, event: Event) -> bytes:
        """The same bytes as schemas.codec.encode, and the same errors."""
        event_type = event["event_type"]
        encoded = self._made.get(event_type) or self._make(event_type)
        try:
            return encoded(event)
        except NOT_SAID:
            pass  # fastavro writes it, or says what is wrong
        return codec.encode(event, self._book)

    def _make(self, event_type: str) -> Callable[[Event], bytes]:
        schema_id = self._book.id_of(event_type)
        made = compiled(self._book.schema(schema_id), schema_id)
        self._made[event_type] = made
        return made


def compiled(schema: EventSchema, schema_id: int) -> Callable[[Event], bytes]:
    """The function of a schema. What it raises says only that the event is not an ordinary one."""
    known, written = names(), [*fields(schema)]
    known["FIELDS"] = frozenset(field.name for field in written)
    for field in written:
        known |= field.known
    exec("\n".join(_source(written, schema_id)), known)  # of our own schemas: no client's text is in it
    made: Callable[[Event], bytes] = known["encoded"]
    return made


@dataclass(frozen=True, slots=True)
class Field:
    """How a field is written: ``pieces`` are expressions of the letters of the value in the variable
    ``value``, which stands for it; they ask for what is ``known``."""

    name: str
    value: str
    kind: Any
    nullable: bool
    has_default: bool
    known: Mapping[str, Any]
    pieces: Sequence[str]

    @property
    def text(self) -> str | None:
        """An expression of the text in it, which is to be ASCII; None where there is none."""
        if self.kind != "string":
            return None
        return f"{self.value} or ''" if self.nullable else self.value


def names() -> dict[str, Any]:
    """What expressions may ask for."""
    return dict(_NAMES)


def head(schema_id: int) -> str:
    """The letters before the first field."""
    return codec.HEADER.pack(0, schema_id).decode("latin-1")


def fields(schema: EventSchema) -> Iterator[Field]:
    """The fields of a schema, in order. The variable of a field is `v<its number>`."""
    for nth, field in enumerate(schema.fields):
        value, (kind, null_at) = f"v{nth}", _branch(field["type"])
        known = {f"default{nth}": field.get("default"), f"kind{nth}": kind}
        if isinstance(kind, dict) and kind["type"] == "enum":
            known[f"symbols{nth}"] = {symbol: _long(place) for place, symbol in enumerate(kind["symbols"])}
        pieces = _piece(kind, value, nth) if null_at is None else [_nullable(kind, value, nth, null_at)]
        yield Field(field["name"], value, kind, null_at is not None, "default" in field, known, pieces)


def _source(written: Sequence[Field], schema_id: int) -> Iterator[str]:
    """The function's lines."""
    yield "def encoded(event):"
    yield "    if not FIELDS.issuperset(event): raise Unusual"
    yield "    get = event.get"
    for field in written:
        default = f"default{field.value[1:]}"
        found = f"get({field.name!r}, {default})" if field.has_default else f"event[{field.name!r}]"
        yield f"    {field.value} = {found}"
    texts = ["''", *[field.text for field in written if field.text]]
    pieces = [repr(head(schema_id)), *[piece for field in written for piece in field.pieces]]
    yield f"    if not ''.join(({', '.join(texts)},)).isascii(): raise Unusual"
    yield f"    return ''.join(({', '.join(pieces)},)).encode('latin-1')"


def _branch(kind: Any) -> tuple[Any, int | None]:
    """What a field holds, and where in its union null stands; None where it is no union."""
    if not isinstance(kind, list):
        return kind, None
    if len(kind) != 2 or "null" not in kind:
        return "union", None
    null_at = kind.index("null")
    return kind[1 - null_at], null_at


def _nullable(kind: Any, value: str, nth: int, null_at: int) -> str:
    """An expression of a union's bytes: which branch, and what is in it."""
    null, other = chr(2 * null_at), chr(2 - 2 * null_at)
    if kind == "string" and null_at == 0:
        return f"{null!r} if {value} is None else SOME[len({value})] + {value}"
    return f"{null!r} if {value} is None else {' + '.join([repr(other), *_piece(kind, value, nth)])}"


def _piece(kind: Any, value: str, nth: int) -> list[str]:
    """Expressions of a value's bytes."""
    if kind == "string":
        return [f"SIZES[len({value})]", value]
    if kind == {"type": "array", "items": "string"}:
        return [f"NONE if {value} is default{nth} == [] else texts({value})"]
    name, logical = (kind["type"], kind.get("logicalType")) if isinstance(kind, dict) else (kind, None)
    if name == "enum":
        return [f"symbols{nth}[{value}]"]
    if name == "long" and logical == "timestamp-millis":
        high = f"INNER[{value} << 1 & 16383] + INNER[{value} >> 13 & 16383] + SHORT[{value} >> 27]"
        return [f"{high} if type({value}) is int and {1 << 27} <= {value} < {1 << 41} else long_({value})"]
    if name == "array":
        return [f"{value}.written(kind{nth}) if type({value}) is Kept else unusual({value})"]
    return [f"{name}_({value})" if f"{name}_" in _NAMES else f"unusual({value})"]


def _varint(number: int) -> str:
    out = ""
    while number > 0x7F:
        out += chr(number & 0x7F | 0x80)
        number >>= 7
    return out + chr(number)


_SHORT = tuple(_varint(number) for number in range(_GROUP))
_INNER = tuple(chr(number & 0x7F | 0x80) + chr(number >> 7 | 0x80) for number in range(_GROUP))
"""Fourteen bits of a longer number, with the marks that more follow."""
_SIZES = _SHORT[::2]
_SOME = tuple("\2" + size for size in _SIZES)
"""The second branch of a union, and a length."""


def _long(value: int, bound: int = _LONG) -> str:
    """Zigzag, then seven bits a byte; fourteen are looked up at once."""
    if type(value) is not int or not -bound <= value < bound:
        raise Unusual
    left, out = value << 1 ^ value >> 63, ""
    while left >= _GROUP:
        out += _INNER[left & _GROUP - 1]
        left >>= 14
    return out + _SHORT[left]


def _int(value: int) -> str:
    return _long(value, _INT)


def _double(value: float) -> str:
    if type(value) is not float:
        raise Unusual
    return struct.pack("<d", value).decode("latin-1")


def _boolean(value: bool) -> str:
    if type(value) is not bool:
        raise Unusual
    return "\1" if value else "\0"


def _texts(values: Sequence[str]) -> str:
    """An array: one block with its length, and the end."""
    if type(values) not in (list, tuple) or not "".join(values).isascii():
        raise Unusual
    if not values:
        return "\0"
    return _SIZES[len(values)] + "".join([_SIZES[len(text)] + text for text in values]) + "\0"


def _unusual(_: object) -> str:
    raise Unusual


_NAMES: Mapping[str, Any] = {
    "Unusual": Unusual, "SIZES": _SIZES, "SOME": _SOME, "INNER": _INNER, "SHORT": _SHORT, "NONE": "\0",
    "Kept": Kept, "long_": _long, "int_": _int, "double_": _double,
    "boolean_": _boolean, "texts": _texts, "unusual": _unusual,
}  # fmt: skip
