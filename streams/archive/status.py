"""What the archive holds and whether it is whole, for operators."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infra.archive_store import ArchiveUnavailable
from schemas.archived import DamagedArchive, read_records
from streams.archive.ranges import Hole, Range, holes
from streams.archive.reading import Archive
from streams.folding.progress import Key


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """One partition's share of the archive. ``log`` is (first, next) of the log, None when nobody asked."""

    key: Key
    ranges: int
    first: int | None
    next: int | None
    rows: int
    bytes: int
    holes: tuple[Hole, ...]
    log: tuple[int, int] | None

    def document(self) -> dict[str, Any]:
        """For --json."""
        return {
            "topic": self.key[0],
            "partition": self.key[1],
            "ranges": self.ranges,
            "first": self.first,
            "next": self.next,
            "rows": self.rows,
            "bytes": self.bytes,
            "gaps": [[hole.start, hole.next] for hole in self.holes],
            "log_first": self.log and self.log[0],
            "log_next": self.log and self.log[1],
        }


def status(archive: Archive, logs: Mapping[Key, tuple[int, int] | None]) -> list[PartitionStatus]:
    """Every partition of these. A gap lies between ranges, or between the last of them and the log's start.

    Raises ArchiveUnavailable, DamagedArchive.
    """
    return [_of(archive, key, log) for key, log in sorted(logs.items())]


def verify(archive: Archive, keys: Iterable[Key]) -> Iterator[tuple[Range, str]]:
    """Read every file, compare it with its manifest, count its records: ("range", "" or what is wrong)."""
    with TemporaryDirectory(prefix="reelfold-verify-") as folder:
        for key in keys:
            for one in archive.ranges(key):
                yield one, _wrong(archive, one, Path(folder) / "range.avro")


def _of(archive: Archive, key: Key, log: tuple[int, int] | None) -> PartitionStatus:
    ranges = archive.ranges(key)
    said = [archive.manifest(one) for one in ranges]
    reached = max((one.next for one in ranges), default=None)
    missing = holes(ranges)
    if reached is not None and log is not None and log[0] > reached:
        missing.append(Hole(reached, log[0]))
    return PartitionStatus(
        key,
        len(ranges),
        archive.low(key),
        reached,
        sum(one.count for one in said),
        sum(one.bytes for one in said),
        tuple(missing),
        log,
    )


def _wrong(archive: Archive, of: Range, path: Path) -> str:
    try:
        said = archive.check(of, path)
        with path.open("rb") as file:
            offsets = [record.offset for record in read_records(file)]
    except (DamagedArchive, ArchiveUnavailable) as error:
        return str(error)
    if len(offsets) != said.count or any(not of.first <= offset <= of.last for offset in offsets):
        return f"{of.object_name} holds other records than its manifest says"
    return "" if sorted(set(offsets)) == offsets else f"{of.object_name} is out of order"
