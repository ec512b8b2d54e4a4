"""Events of one type with the same fields, field by field: what many clients' batches are made of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Column = Sequence[Any]


@dataclass(frozen=True, slots=True)
class SameShape:
    """``size`` events, at least one. A column has a value for each, or one that all of them share.

    event_type is a field like any other; the order of the fields says nothing.
    """

    size: int
    fields: dict[str, Column]

    @classmethod
    def of(cls, events: Sequence[Mapping[str, Any]]) -> "SameShape":
        """Events whose fields stand in the same order; raises ValueError when they have not as many."""
        columns = zip(*[event.values() for event in events], strict=True)
        return cls(len(events), dict(zip(events[0], columns, strict=True)))

    @property
    def event_type(self) -> str:
        """Theirs."""
        return str(self.fields["event_type"][0])

    def each(self, name: str) -> Column:
        """A field's value for each event."""
        column = self.fields[name]
        return column if len(column) == self.size else [column[0]] * self.size

    def utf8(self, name: str) -> list[bytes]:
        """The same of a field of text, as bytes."""
        written = [text.encode() for text in self.fields[name]]
        return written if len(written) == self.size else written * self.size

    def rows(self) -> Iterator[dict[str, Any]]:
        """The events one by one."""
        for values in zip(*map(self.each, self.fields), strict=True):
            yield dict(zip(self.fields, values, strict=True))
