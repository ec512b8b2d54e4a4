"""Many events -> Confluent wire format, field by field over all events of one shape.

A shape is an event's type and the names of its fields in their order: what one client posts together has
few. What a field holds is written once where all its values are the same (one person, one phone, one app),
fields that are absent are written with what stands between, and the rest is one expression over the column:
the one that schemas.compiled writes a single event by. What is not ordinary goes there, event by event.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

from schemas.book import SchemaBook
from schemas.compiled import NOT_SAID, Encoders, Event, Field, Unusual, fields, head, names
from schemas.same_shape import Column, SameShape

Shape = tuple[str, ...]
"""The event type, then the names of the fields."""
Writer = Callable[[Column], list[str]]
_SHAPES = 1_000
_SAME = frozenset(["string", "int", "long", "boolean"])
"""Kinds whose equal values of one type have equal bytes: 0.0 and -0.0 do not, nor do lists of them."""


class GroupedEncoders:
    """The encoders of a book, for many events at once."""

    def __init__(self, book: SchemaBook) -> None:
        self._book = book
        self._each = Encoders(book)
        self._fields: dict[str, Mapping[str, Field]] = {}
        self._layouts: dict[Shape, _Layout] = {}

    def __call__(self, events: Sequence[Event]) -> list[bytes]:
        """For each event what schemas.codec.encode makes of it; raises what that raises."""
        if len(events) == 1:
            return [self._each(events[0])]
        groups: dict[Shape, list[int]] = {}
        for nth, event in enumerate(events):
            groups.setdefault((event["event_type"], *event), []).append(nth)
        if len(groups) == 1:
            return self._group(events)
        written = [b""] * len(events)
        for places in groups.values():
            values = self._group([events[nth] for nth in places])
            for nth, value in zip(places, values, strict=True):
                written[nth] = value
        return written

    def same_shape(self, events: SameShape) -> list[bytes]:
        """The same of events that are columns already."""
        shape = (events.event_type, *events.fields)
        try:
            return (self._layouts.get(shape) or self._lay_out(shape)).written(events)
        except NOT_SAID:  # one by one, and whoever is wrong is named
            return [self._each(event) for event in events.rows()]

    def _group(self, events: Sequence[Event]) -> list[bytes]:
        return self.same_shape(SameShape.of(events)) if len(events) > 1 else [self._each(events[0])]

    def _lay_out(self, shape: Shape) -> "_Layout":
        if len(self._layouts) >= _SHAPES:  # a client may send its fields in any order
            self._layouts.clear()
        event_type, *present = shape
        schema_id = self._book.id_of(event_type)
        known = self._fields.get(event_type)
        if known is None:
            known = {field.name: field for field in fields(self._book.schema(schema_id))}
            self._fields[event_type] = known
        if not known.keys() >= set(present):
            raise Unusual
        made = self._layouts[shape] = _Layout([*_steps(head(schema_id), known, present)])
        return made


class _Layout:
    """Of one shape: letters that are always the same, and columns with who writes them, in turn."""

    def __init__(self, steps: Sequence[tuple[str, int, Writer, bool]]) -> None:
        self._steps = steps

    def written(self, events: SameShape) -> list[bytes]:
        """Raises what says that some event is not an ordinary one."""
        columns, size = [*events.fields.values()], events.size
        constant, parts = "", list[Any]()
        for before, nth, write, mergeable in self._steps:
            constant += before
            if nth < 0:
                continue
            column = columns[nth]
            if len(column) == 1 or (mergeable and _same(column)):
                constant += write(column[:1])[0]
                continue
            parts += [repeat(constant), write(column)] if constant else [write(column)]
            constant = ""
        if not parts:
            return [constant.encode("latin-1")] * size
        parts.append(repeat(constant, size))
        return [letters.encode("latin-1") for letters in map("".join, zip(*parts, strict=False))]


def _same(column: Column) -> bool:
    first = column[0]
    return bool(
        column[-1] == first and column.count(first) == len(column) and len(set(map(type, column))) == 1
    )


def _steps(
    before: str, known: Mapping[str, Field], present: Sequence[str]
) -> Iterator[tuple[str, int, Writer, bool]]:
    """(letters, number of the column or -1, its writer, whether equal values are written once)."""
    for name, field in known.items():
        write = _writer(field)
        if name in present:
            kind = field.kind["type"] if isinstance(field.kind, dict) else field.kind
            yield before, present.index(name), write, kind in _SAME or kind == "enum"
            before = ""
        elif field.has_default:
            before += write((field.known[f"default{field.value[1:]}"],))[0]
        else:
            raise Unusual
    yield before, -1, list, False


def _writer(field: Field) -> Writer:
    """A function from values to letters; what it raises says that some value is not an ordinary one."""
    known = names() | dict(field.known)
    lines = ["def write(values):"]
    if field.text:
        lines.append(
            f"    if not ''.join([{field.text} for {field.value} in values]).isascii(): raise Unusual"
        )
    lines.append(f"    return [{' + '.join(_bracketed(field.pieces))} for {field.value} in values]")
    exec("\n".join(lines), known)  # of our own schemas: no client's text is in it
    made: Writer = known["write"]
    return made


def _bracketed(pieces: Sequence[str]) -> list[str]:
    """An expression with `if` in it is one operand."""
    return [f"({piece})" for piece in pieces]
