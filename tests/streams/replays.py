"""A replay without servers: a log in memory, an archive in a folder, folds with memory stores."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.archive_store import FolderArchiveStore
from projections.position import FoldStore
from schemas.catalogue import EventSchema
from schemas.errors import UnknownSchema
from streams.archive.reading import Archive, Piece
from streams.batches.decoding import Decoder
from streams.batches.runs import Run
from streams.folding.progress import Key
from streams.lane.memory import MemoryLog
from streams.replay.plan import Bounds, Cuts, cuts
from streams.replay.replay import Replay, ReplayReport
from streams.replay.source import Source
from tests.streams.archives import archived


class Killed(BaseException):
    """The process is gone."""


@dataclass(slots=True)
class MemorySide:
    """A LogSide. Remembers which spans were asked of it."""

    log: MemoryLog
    asked: list[tuple[int, int]] = field(default_factory=list)

    def keys(self, topics: Sequence[str]) -> list[Key]:
        return [(topic, number) for topic in topics for number in range(self.log.partitions)]

    def bounds(self, key: Key) -> tuple[int, int]:
        return self.log.partition(*key).low, self.log.partition(*key).high

    def offset_at(self, key: Key, appended_at: int) -> int:
        return max(self.log.partition(*key).offset_at(appended_at), self.log.partition(*key).low)

    def read(self, key: Key, start: int, until: int, rows: int) -> Iterator[Piece]:
        assert start >= self.log.partition(*key).low, "the log has let go of it"
        self.asked.append((start, until))
        for at in range(start, until, rows):
            run = Run(*key, at)
            for offset in range(at, min(at + rows, until)):
                run.add(offset, *self.log.partition(*key).messages[offset])
            yield Piece(run, run.next)


def joined(log: MemoryLog, folder: Path, sizes: Sequence[int], trimmed: bool = True) -> Source:
    """Each partition's first records archived in ranges of these sizes and, if ``trimmed``, let go of."""
    store = FolderArchiveStore(folder)
    for key, partition in log.logs.items():
        end = archived(store, key, partition.messages, sizes, log.book)
        partition.low = end if trimmed else 0
    return Source(MemorySide(log), Archive(store))


def replayed(
    source: Source, folds: Sequence[FoldStore], bounds: Bounds | None = None, given: Cuts | None = None
) -> ReplayReport:
    """Fold it all, or up to these cuts."""
    log = source.log
    assert isinstance(log, MemorySide)
    run = Replay(source, Decoder(log.log.book, _no_registry, lambda seconds: False), ReplayReport(2))
    run.fold_to(folds, cuts(source, folds, bounds or Bounds()) if given is None else given)
    return run.report


def _no_registry(schema_id: int) -> EventSchema:
    raise UnknownSchema(schema_id)
