"""Which offsets the archive holds: names and arithmetic. Pure.

A file is named by its partition and its first and last offset; it counts once its manifest, the same name
with .json, is there too. Ranges may overlap (two workers that both thought the partition theirs), and
the log itself may have holes within a range: what counts is that offsets [first, last] were looked at.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from streams.folding.progress import Key

Document = bytes
_NAME = re.compile(r"(?P<topic>[\w.-]+)/(?P<partition>\d+)/(?P<first>\d{20})-(?P<last>\d{20})\.json")


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """Offsets first to last, both included."""

    topic: str
    partition: int
    first: int
    last: int

    @property
    def key(self) -> Key:
        return self.topic, self.partition

    @property
    def next(self) -> int:
        """The offset after it."""
        return self.last + 1

    @property
    def object_name(self) -> str:
        """The file with the records."""
        return f"{self._stem}.avro"

    @property
    def manifest_name(self) -> str:
        """What is said of it; written after it."""
        return f"{self._stem}.json"

    @property
    def _stem(self) -> str:
        return f"{prefix(self.key)}{self.first:020d}-{self.last:020d}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is said of a file. Timestamps are epoch ms, 0 where it holds no record; ``schemas`` are those
    that its values name, as SchemaBook.to_json writes them."""

    topic: str
    partition: int
    first: int
    last: int
    count: int
    sha256: str
    bytes: int
    min_timestamp: int
    max_timestamp: int
    schemas: Mapping[str, Any] = field(default_factory=dict)

    @property
    def range(self) -> Range:
        return Range(self.topic, self.partition, self.first, self.last)

    def to_json(self) -> Document:
        """As it is stored."""
        return json.dumps(asdict(self), indent=1).encode()

    @classmethod
    def from_json(cls, content: Document) -> "Manifest":
        """What `to_json` wrote; fields of later versions are passed by."""
        known = cls.__dataclass_fields__
        return cls(**{name: value for name, value in json.loads(content).items() if name in known})


@dataclass(frozen=True, slots=True)
class Hole:
    """Offsets [start, next) that nothing holds."""

    start: int
    next: int


def prefix(key: Key) -> str:
    """What the names of a partition begin with."""
    return f"{key[0]}/{key[1]}/"


def parse(names: Iterable[str]) -> list[Range]:
    """The ranges that count, by the names of everything there is."""
    found = (_NAME.fullmatch(name) for name in names)
    ranges = (
        Range(one["topic"], int(one["partition"]), int(one["first"]), int(one["last"]))
        for one in found
        if one
    )
    return sorted(one for one in ranges if one.first <= one.last)


def covering(ranges: Iterable[Range], offset: int) -> Range | None:
    """The range to read from this offset on: of those that cover it, the one that reaches farthest."""
    found = [one for one in ranges if one.first <= offset <= one.last]
    return max(found, key=lambda one: (one.last, -one.first), default=None)


def reach(ranges: Iterable[Range], offset: int) -> int:
    """How far one can read from this offset on without a hole: the offset after the last."""
    for one in sorted(ranges):
        if one.first > offset:
            break
        offset = max(offset, one.next)
    return offset


def holes(ranges: Iterable[Range]) -> list[Hole]:
    """What is missing between the first offset of these ranges and their last."""
    found, at = list[Hole](), None
    for one in sorted(ranges):
        if at is not None and one.first > at:
            found.append(Hole(at, one.first))
        at = one.next if at is None else max(at, one.next)
    return found


def closes_at(start: int, rows: int) -> int:
    """The boundary at which a range that begins here is closed: offsets below it belong to it."""
    return (start // rows + 1) * rows
