"""The archive, read back: whole ranges as runs, in the order of the log."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import polars as pl

from infra.archive_store import ArchiveStore
from schemas.archived import DamagedArchive, read_columns
from schemas.book import SchemaBook
from schemas.catalogue import EventSchema
from streams.archive.ranges import Manifest, Range, covering, parse, prefix, reach
from streams.archive.writing import digest
from streams.batches.runs import Run
from streams.folding.progress import Key

MOST_BYTES = 32 * 1024 * 1024
"""Of a run: huge records must not eat the memory."""
NOTHING: Mapping[int, EventSchema] = MappingProxyType({})


@dataclass(slots=True)
class Piece:
    """A run of records up to ``next``, and the schemas that its ids meant when it was written."""

    run: Run
    next: int
    schemas: Mapping[int, EventSchema] = field(default_factory=lambda: NOTHING)


@dataclass(slots=True)
class Archive:
    """What there is of a partition is listed once; `refresh` looks again. Not to be shared by threads.

    Methods raise ArchiveUnavailable, and DamagedArchive when a file is not what its manifest says.
    """

    store: ArchiveStore
    _ranges: dict[Key, list[Range]] = field(default_factory=dict)
    _told: tuple[Range, Manifest] | None = None
    """The manifest that was asked for last: a reader needs it twice."""

    def refresh(self) -> None:
        """Look again at what there is."""
        self._ranges.clear()
        self._told = None

    def ranges(self, key: Key) -> list[Range]:
        """The ranges of a partition, by first offset."""
        if key not in self._ranges:
            self._ranges[key] = parse(self.store.names(prefix(key)))
        return self._ranges[key]

    def manifest(self, of: Range) -> Manifest:
        """What is said of a range."""
        if self._told is None or self._told[0] != of:
            try:
                self._told = of, Manifest.from_json(self.store.get(of.manifest_name))
            except (ValueError, TypeError) as error:
                raise DamagedArchive(f"{of.manifest_name} is no manifest: {error}") from error
        return self._told[1]

    def low(self, key: Key) -> int | None:
        """The first offset of a partition that is here; None when none is."""
        return min((one.first for one in self.ranges(key)), default=None)

    def reach(self, key: Key, offset: int) -> int:
        """How far one can read from this offset on; the offset itself when nothing covers it."""
        return reach(self.ranges(key), offset)

    def read(self, key: Key, start: int, until: int, rows: int) -> Iterator[Piece]:
        """Offsets from ``start`` up to ``until`` or the first hole, in runs of at most so many records. Small
        ranges that name the same schemas come as one."""
        waiting, weight = list[Piece](), 0
        for piece in self._pieces(key, start, until, rows):
            size = sum(len(value) for value in piece.run.values if value)
            if waiting and _fit(waiting[0], piece, rows) and weight + size <= MOST_BYTES:
                _append(waiting[0], piece)
                weight += size
                continue
            yield from waiting
            waiting, weight = [piece], size
        yield from waiting

    def _pieces(self, key: Key, start: int, until: int, rows: int) -> Iterator[Piece]:
        while start < until and (one := covering(self.ranges(key), start)) is not None:
            stop, schemas = min(until, one.next), self._schemas(one)
            frame = self.frame(one).filter(pl.col("offset").is_between(start, stop - 1))
            for piece in _cut(Run(*key, start), frame, stop, rows):
                yield Piece(piece.run, piece.next, schemas)
            start = stop

    def offset_at(self, key: Key, appended_at: int) -> int | None:
        """The first offset appended at this time (epoch ms) or later; None when none here is.

        Ranges are looked for by halves: the broker's clock is taken to run on.
        """
        ranges = self.ranges(key)
        low, high = 0, len(ranges)
        while low < high:
            middle = (low + high) // 2
            if self.manifest(ranges[middle]).max_timestamp >= appended_at:
                high = middle
            else:
                low = middle + 1
        if low == len(ranges):
            return None
        later = self.frame(ranges[low]).filter(pl.col("timestamp") >= appended_at)
        return int(later["offset"][0]) if later.height else None

    def newest_schemas(self) -> dict[int, EventSchema]:
        """What ids meant lately: by the newest range of every partition there is."""
        newest = {one.key: one for one in parse(self.store.names(""))}
        return {number: schema for one in newest.values() for number, schema in self._schemas(one).items()}

    def frame(self, of: Range) -> pl.DataFrame:
        """A range's records as columns offset, timestamp, value; its file is checked first."""
        with TemporaryDirectory(prefix="reelfold-archive-") as folder:
            path = Path(folder) / "range.avro"
            self.check(of, path)
            return read_columns(path)

    def check(self, of: Range, path: Path) -> Manifest:
        """Fetch a range's file; raises DamagedArchive unless it is the one that was written."""
        said = self.manifest(of)
        self.store.get_file(of.object_name, path)
        if digest(path) != said.sha256:
            raise DamagedArchive(f"{of.object_name} is not what its manifest says: restore it from a backup")
        return said

    def _schemas(self, of: Range) -> Mapping[int, EventSchema]:
        return SchemaBook.from_json(json.dumps(dict(self.manifest(of).schemas))).by_id


def _cut(run: Run, frame: pl.DataFrame, until: int, rows: int) -> Iterator[Piece]:
    """The frame as runs; the last one reaches to ``until``, whatever its last record is."""
    for at in range(0, max(1, frame.height), rows):
        part, is_last = frame.slice(at, rows), at + rows >= frame.height
        run.offsets = part["offset"].to_list()
        run.appended_at = part["timestamp"].to_list()
        run.values = part["value"].to_list()
        end = until if is_last else run.next
        yield Piece(run, end)
        run = Run(run.topic, run.partition, end)


def _fit(piece: Piece, following: Piece, rows: int) -> bool:
    return len(piece.run) + len(following.run) <= rows and piece.schemas == following.schemas


def _append(piece: Piece, following: Piece) -> None:
    piece.run.offsets += following.run.offsets
    piece.run.appended_at += following.run.appended_at
    piece.run.values += following.run.values
    piece.next = following.next
