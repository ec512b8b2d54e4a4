"""Records of the log as they are kept outside it: Avro object files, with all that a broker knew of each.

The file needs nothing of ours to be read: its header carries this schema. What `value` means is told by
the schema id at its front and by the manifest beside the file.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import fastavro
import polars as pl

BLOCK_BYTES = 256 * 1024
_LEVEL = 1
"""Of deflate: a worker's core is for folds. Level 6 saves 8 % of the bytes and takes half as long again."""
_NULL_OR_BYTES = ["null", "bytes"]
_HEADER = {
    "type": "record",
    "name": "Header",
    "fields": [{"name": "name", "type": "string"}, {"name": "value", "type": _NULL_OR_BYTES}],
}
SCHEMA = fastavro.parse_schema(
    {
        "type": "record",
        "name": "ArchivedRecord",
        "namespace": "rf.archive.v1",
        "doc": "One record of a partition of the log, byte for byte.",
        "fields": [
            {"name": "offset", "type": "long", "doc": "In its partition."},
            {"name": "timestamp", "type": "long", "doc": "Epoch ms, the broker's or the producer's."},
            {"name": "timestamp_type", "type": "int", "doc": "0 none, 1 create time, 2 log append time."},
            {"name": "key", "type": _NULL_OR_BYTES},
            {"name": "value", "type": _NULL_OR_BYTES},
            {"name": "headers", "type": {"type": "array", "items": _HEADER}},
        ],
    }
)


class DamagedArchive(Exception):
    """A file of the archive is not what its manifest says, or no archive file at all."""


@dataclass(frozen=True, slots=True)
class ArchivedRecord:
    """One record. ``timestamp_type``: 0 none, 1 create time, 2 log append time."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


def write_records(file: BinaryIO, records: Iterable[ArchivedRecord], mark: str) -> None:
    """Write them as they come; a block of them is in memory.

    The same records under the same mark are the same bytes, whoever writes them: two writers of one file
    do not spoil it for each other.
    """
    fastavro.writer(
        file,
        SCHEMA,
        map(_plain, records),
        "deflate",
        BLOCK_BYTES,
        sync_marker=hashlib.md5(mark.encode(), usedforsecurity=False).digest(),
        codec_compression_level=_LEVEL,
    )


def read_records(file: BinaryIO) -> Iterator[ArchivedRecord]:
    """Every record of a file, whole, a block at a time. Raises DamagedArchive."""
    try:
        for one in cast("Iterable[dict[str, Any]]", fastavro.reader(file)):
            headers = tuple((header["name"], header["value"]) for header in one["headers"])
            yield ArchivedRecord(**one | {"headers": headers})
    except (ValueError, EOFError, KeyError, TypeError) as error:
        raise DamagedArchive(f"not an archive file: {error!r}") from error


def read_columns(path: Path) -> pl.DataFrame:
    """What folds need of a file, fast: offset, timestamp, value. Raises DamagedArchive, also when empty."""
    try:
        with path.open("rb") as file:
            return pl.read_avro(file, columns=["offset", "timestamp", "value"])
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise DamagedArchive(f"not an archive file: {error!r}") from error


def _plain(record: ArchivedRecord) -> dict[str, object]:
    return {
        "offset": record.offset,
        "timestamp": record.timestamp,
        "timestamp_type": record.timestamp_type,
        "key": record.key,
        "value": record.value,
        "headers": [{"name": name, "value": value} for name, value in record.headers],
    }
