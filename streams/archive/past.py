"""What the log has let go of, for folds that must be shown their window again: from the archive."""

from collections.abc import Callable, Iterator

from infra.archive_store import ArchiveUnavailable
from projections.position import StoreUnavailable
from schemas.archived import DamagedArchive
from schemas.batch import RecordBatch
from streams.archive.reading import Archive
from streams.batches.decoding import Decoder
from streams.folding.progress import Key

ROWS = 20_000


class ArchivePast:
    """A `Past` over the archive. ``open_archive`` gives each call an archive of its own: folds call from
    their threads. What the archive does not hold is not shown."""

    def __init__(self, open_archive: Callable[[], Archive], decoder: Callable[[], Decoder]) -> None:
        self._open = open_archive
        self._decoder = decoder

    def __call__(self, key: Key, since: int, until: int) -> Iterator[RecordBatch]:
        """Batches since this time (epoch ms) up to this offset. Raises StoreUnavailable."""
        archive, decoder = self._open(), self._decoder()
        try:
            start = archive.offset_at(key, since)
            if start is None or start >= until:
                return
            for piece in archive.read(key, start, until, ROWS):
                yield decoder.assemble(piece.run, piece.schemas)[0]
        except (ArchiveUnavailable, DamagedArchive) as error:
            raise StoreUnavailable(f"the archive cannot be read: {error}") from error
