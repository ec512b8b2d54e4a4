"""Which registry id means which schema.

Ids belong to one registry, the log to none: a process carries a book, made at provision from the
registry and cached on disk, so that it reads and replays with the registry gone.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from schemas.catalogue import EventSchema, parse, versions
from schemas.errors import UnknownEventType, UnknownSchema


@dataclass(frozen=True, slots=True)
class SchemaBook:
    """An immutable map of schema ids. One event type may stand under several ids (its versions)."""

    by_id: Mapping[int, EventSchema]
    newest: Mapping[str, int]

    @classmethod
    def of(cls, entries: Iterable[tuple[int, EventSchema]]) -> "SchemaBook":
        """A book of (id, schema) pairs."""
        by_id = dict(entries)
        newest: dict[str, int] = {}
        for schema_id, schema in by_id.items():
            held = newest.get(schema.event_type)
            if held is None or by_id[held].version < schema.version:
                newest[schema.event_type] = schema_id
        return cls(MappingProxyType(by_id), MappingProxyType(newest))

    @classmethod
    def local(cls) -> "SchemaBook":
        """A book without a registry, ids counted from 1: for tests and memory twins."""
        every = (schema for group in versions().values() for schema in group)
        return cls.of(enumerate(every, start=1))

    @classmethod
    def from_json(cls, text: str) -> "SchemaBook":
        """The book that `to_json` wrote."""
        return cls.of(
            (int(schema_id), parse(entry["schema"], entry["version"]))
            for schema_id, entry in json.loads(text).items()
        )

    def to_json(self) -> str:
        """The book as JSON: id -> {version, schema}."""
        return json.dumps(
            {
                str(schema_id): {"version": schema.version, "schema": dict(schema.raw)}
                for schema_id, schema in sorted(self.by_id.items())
            },
            indent=0,
        )

    def with_schema(self, schema_id: int, schema: EventSchema) -> "SchemaBook":
        """This book and one more id."""
        return SchemaBook.of([*self.by_id.items(), (schema_id, schema)])

    def schema(self, schema_id: int) -> EventSchema:
        """The schema of an id; raises UnknownSchema."""
        try:
            return self.by_id[schema_id]
        except KeyError:
            raise UnknownSchema(schema_id) from None

    def id_of(self, event_type: str) -> int:
        """The id that new events of this type are written with; raises UnknownEventType."""
        try:
            return self.newest[event_type]
        except KeyError:
            raise UnknownEventType(event_type) from None
