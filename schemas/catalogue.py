"""Every schema version ever published, read from the .avsc files of this package.

A file is named `<event with underscores>.v<version>.avsc`. Beyond Avro's own attributes a schema
carries: `event_type`; `sealed` (plaintext fields that are sealed into `pii` before the log sees
them); and on fields `filled_by` (gateway or catalog: never taken from a client), `format` (uuid, id,
username), `minLength`, `maxLength`, `minimum`, `maximum`, `maxItems`, `itemMaxLength`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import fastavro

from schemas.errors import UnknownEventType
from schemas.topics import TOPIC_OF

_FILE_NAME = re.compile(r"(?P<name>[a-z_]+)\.v(?P<version>\d+)\.avsc")
AVRO_ATTRIBUTES = frozenset(
    [
        "type",
        "name",
        "namespace",
        "doc",
        "fields",
        "symbols",
        "items",
        "default",
        "logicalType",
        "aliases",
        "order",
    ]
)
Json = Any
"""A schema is JSON of any shape: objects, arrays and names."""


@dataclass(frozen=True, slots=True)
class EventSchema:
    """One version of one event type. ``raw`` is the file's JSON, ``parsed`` fastavro's form of it, ``text``
    the schema as registered and cached: all attributes, no white space."""

    event_type: str
    version: int
    raw: Mapping[str, Json]
    parsed: Json
    text: str

    @property
    def fields(self) -> tuple[Mapping[str, Json], ...]:
        return tuple(self.raw["fields"])

    @property
    def sealed(self) -> tuple[Mapping[str, Json], ...]:
        return tuple(self.raw.get("sealed", ()))

    @property
    def name(self) -> str:
        """The Avro full name, such as rf.engagement.v1.VideoLiked."""
        return f"{self.raw['namespace']}.{self.raw['name']}"

    @property
    def subject(self) -> str:
        """The registry's subject (TopicRecordNameStrategy: many types a topic)."""
        return f"{TOPIC_OF[self.event_type].name}-{self.name}"


def parse(raw: Mapping[str, Json], version: int) -> EventSchema:
    """An EventSchema from a schema's JSON."""
    text = json.dumps(dict(raw), separators=(",", ":"))
    return EventSchema(raw["event_type"], version, MappingProxyType(dict(raw)), _parsed(raw), text)


def _parsed(raw: Mapping[str, Json]) -> Json:
    return fastavro.parse_schema(json.loads(json.dumps(dict(raw))))


@cache
def versions() -> Mapping[str, tuple[EventSchema, ...]]:
    """Every event type's versions, oldest first."""
    found: dict[str, list[EventSchema]] = {}
    for path in files("schemas").joinpath("avro").iterdir():
        if match := _FILE_NAME.fullmatch(path.name):
            schema = parse(json.loads(path.read_text("utf-8")), int(match["version"]))
            found.setdefault(schema.event_type, []).append(schema)
    return MappingProxyType(
        {name: tuple(sorted(found[name], key=lambda s: s.version)) for name in sorted(found)}
    )


def latest(event_type: str) -> EventSchema:
    """The newest version of an event type; raises UnknownEventType."""
    try:
        return versions()[event_type][-1]
    except KeyError:
        raise UnknownEventType(event_type) from None
