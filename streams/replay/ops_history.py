"""The facts of operations that Kafka has let go of: the archive holds them as it does everything else."""

from collections.abc import Mapping

from infra.archive_store import ArchiveUnavailable
from infra.kafka.ops_facts import Older, Told
from infra.settings import Settings
from infra.telemetry import Log
from projections.position import StoreUnavailable
from schemas.book import SchemaBook
from schemas.catalogue import EventSchema
from schemas.codec import HEADER, decode_body, schema_id
from schemas.errors import SchemaError
from schemas.topics import OPS
from streams.folding.progress import LogGone
from streams.replay.replaying import opened

_log = Log("streams")
ROWS = 1_000


def archived(settings: Settings, book: SchemaBook) -> Older:
    """What stands before the log's start. It raises StoreUnavailable while the archive does not answer."""

    def read(low: int) -> list[Told]:
        found: list[Told] = []
        try:
            with opened(settings) as source:
                for piece in source.read((OPS, 0), 0, low, ROWS):
                    schemas = {**book.by_id, **piece.schemas}
                    pairs = zip(piece.run.offsets, piece.run.values, strict=True)
                    found += [told for one in pairs if (told := _told(*one, schemas)) is not None]
        except ArchiveUnavailable as error:
            raise StoreUnavailable(f"the archive does not answer: {error}") from error
        except LogGone as error:  # nobody has them: what is there is what is known
            _log.warning("store_unavailable", topic=OPS, error=str(error))
        return found

    return read


def _told(offset: int, value: bytes | None, schemas: Mapping[int, EventSchema]) -> Told | None:
    try:
        schema = schemas.get(schema_id(value or b""))
        if schema is None or value is None:
            return None
        return Told(offset, decode_body(value[HEADER.size :], schema))
    except SchemaError:
        return None
