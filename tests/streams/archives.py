"""Archives made without a broker."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from infra.archive_store import ArchiveStore
from schemas.archived import ArchivedRecord, write_records
from schemas.book import SchemaBook
from streams.archive.ranges import Manifest, Range
from streams.archive.writing import _named, digest
from streams.folding.progress import Key

Record = tuple[int, bytes | None]
"""(appended_at, value)"""


def stored(store: ArchiveStore, key: Key, sizes: Sequence[int]) -> int:
    """Ranges of so many records each, appended at ten times their offset; answers the offset after them."""
    return archived(store, key, [(10 * at, b"%d" % at) for at in range(sum(sizes))], sizes)


def archived(
    store: ArchiveStore,
    key: Key,
    records: Sequence[Record],
    sizes: Sequence[int],
    book: SchemaBook | None = None,
) -> int:
    """The first of these records as ranges of these sizes; answers the offset after them."""
    first = 0
    for size in sizes:
        found = [
            ArchivedRecord(at, *_timed(records[at])) for at in range(first, min(first + size, len(records)))
        ]
        if not found:
            break
        _store(store, Range(*key, first, found[-1].offset), found, book)
        first = found[-1].offset + 1
    return first


def _timed(record: Record) -> tuple[int, int, bytes, bytes | None]:
    return record[0], 2, b"key", record[1]


def _store(store: ArchiveStore, of: Range, found: list[ArchivedRecord], book: SchemaBook | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        with path.open("wb") as file:
            write_records(file, found, of.object_name)
        store.put_file(of.object_name, path)
        said = Manifest(
            *(of.topic, of.partition, of.first, of.last),
            count=len(found),
            sha256=digest(path),
            bytes=path.stat().st_size,
            min_timestamp=found[0].timestamp,
            max_timestamp=found[-1].timestamp,
            schemas=_named(book) if book else {},
        )
        store.put(of.manifest_name, said.to_json())
