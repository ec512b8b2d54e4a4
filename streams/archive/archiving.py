"""The archive's composition: settings -> store, reader, archiver."""

from infra import registry
from infra.archive_store import S3ArchiveStore
from infra.clients import s3_client
from infra.clock import Clock
from infra.kafka.config import Config, connection, consumer
from infra.kafka.reading import ONE_AFTER_ANOTHER
from infra.settings import Settings
from schemas.book import SchemaBook
from streams.archive.archiver import Archiver, Configs
from streams.archive.past import ArchivePast
from streams.archive.reading import Archive
from streams.archive.writing import RangeWriter
from streams.batches.decoding import Decoder

GROUP = "reelfold.archive"
"""Of every generation: there is one archive."""


def archive_store(settings: Settings) -> S3ArchiveStore:
    """The archive's bucket; connects when it is used."""
    return S3ArchiveStore(s3_client(settings), settings.bucket_archive)


def archive(settings: Settings) -> Archive:
    """The archive, to be read."""
    return Archive(archive_store(settings))


def past(settings: Settings, book: SchemaBook) -> ArchivePast:
    """What folds are shown again where the log has let go of it."""

    def decoder() -> Decoder:
        return Decoder(book, lambda one: registry.lookup(settings, one), lambda seconds: False)

    return ArchivePast(lambda: archive(settings), decoder)


def archiver(settings: Settings, book: SchemaBook, clock: Clock) -> Archiver:
    """The service of a worker. Raises InvalidSettings without the store's keys."""
    store = archive_store(settings)
    writer = RangeWriter(store, book, lambda one: registry.lookup(settings, one))
    group = consumer(settings, GROUP) | {
        "group.instance.id": f"archive-g{settings.generation}-{settings.worker_slot}",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": 10_000,
        "max.poll.interval.ms": 900_000,
    }
    return Archiver(Configs(connection(settings), group, reading(settings)), writer, settings, clock)


def reading(settings: Settings) -> Config:
    """Of the consumer that ranges are read with."""
    config = consumer(settings, f"{GROUP}.reader")
    return config | ONE_AFTER_ANOTHER | {"queued.max.messages.kbytes": 16_384}
