"""The replay's composition: settings -> archive, log, folds; and what is asked of it in this process."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from confluent_kafka import Consumer

from infra import registry
from infra.kafka.config import consumer
from infra.kafka.reading import ONE_AFTER_ANOTHER
from infra.settings import Settings
from projections.position import FoldStore
from schemas.book import SchemaBook
from streams.archive.archiving import archive
from streams.archive.reading import Archive
from streams.batches.decoding import Decoder
from streams.folds import every_fold
from streams.replay.plan import Bounds, Cuts, chosen, cuts
from streams.replay.replay import Replay, ReplayReport, turned_back
from streams.replay.source import KafkaSide, Source

REGISTRY_S = 60.0
"""How long the registry may be away when a record names a schema that neither book nor manifest knows."""
FETCH_BYTES, FETCHED_KIB = 4 * 1024 * 1024, 64 * 1024
"""Of one answer, and of all that is fetched and not yet taken."""
_FETCHING = {
    **ONE_AFTER_ANOTHER,
    "fetch.message.max.bytes": FETCH_BYTES,
    "queued.max.messages.kbytes": FETCHED_KIB,
    "queued.min.messages": 1_000_000,
}
Tell = Callable[[ReplayReport], None]


def silently(report: ReplayReport) -> None:
    """Nobody listens."""


def replay(
    settings: Settings,
    generation: int,
    only: Sequence[str] = (),
    folds: Mapping[str, Sequence[FoldStore]] | None = None,
    bounds: Bounds | None = None,
    rate: int = 0,
    tell: Tell = silently,
) -> ReplayReport:
    """Fold the log into this generation, whose tables are there, up to these bounds: from the archive, then
    from Kafka. Goes on where an earlier run ended. ``folds``: sink -> folds, if not the real ones.

    Raises Refused, StoreUnavailable, ArchiveUnavailable, LogGone, LogMismatch, DamagedArchive, Stopped.
    """
    members = _members(settings, generation, only, folds)
    with opened(settings) as source:
        wanted = cuts(source, members, bounds or Bounds())
        if bounds is not None and bounds.bounded:
            turned_back(members, wanted)
        return fold_to(settings, source, generation, members, wanted, rate, tell)


def bring_to(
    settings: Settings,
    generation: int,
    wanted: Cuts,
    folds: Mapping[str, Sequence[FoldStore]] | None = None,
    tell: Tell = silently,
) -> ReplayReport:
    """Bring a generation's folds exactly to these offsets, (fold, topic, partition) -> offset; what is not
    named is left alone, what stands beyond stays there. Raises as `replay` does."""
    named = sorted({fold for fold, _, _ in wanted})
    with opened(settings) as source:
        return fold_to(
            settings, source, generation, _members(settings, generation, named, folds), wanted, 0, tell
        )


def fold_to(
    settings: Settings,
    source: Source,
    generation: int,
    folds: Sequence[FoldStore],
    wanted: Cuts,
    rate: int = 0,
    tell: Tell = silently,
) -> ReplayReport:
    """The same over a source that is open already."""
    run = Replay(source, decoder(settings, source.archive), ReplayReport(generation), rate, tell)
    run.fold_to(folds, wanted)
    return run.report


@contextmanager
def opened(settings: Settings) -> Iterator[Source]:
    """The log and, where there is one, the archive. The archive is left out without keys to its store."""
    config = consumer(settings, "reelfold.replay")
    kafka = KafkaSide(Consumer(config), Consumer(config | _FETCHING))
    has_archive = settings.archive and bool(settings.s3_access_key.get_secret_value())
    try:
        yield Source(kafka, archive(settings) if has_archive else None, settings.accept_log_loss)
    finally:
        kafka.close()


def decoder(settings: Settings, known: Archive | None) -> Decoder:
    """Ids by the book on disk; without one, and with the registry gone, by the archive's manifests."""
    try:
        book = registry.load_book(settings)
    except registry.RegistryUnavailable:
        if known is None:
            raise
        book = SchemaBook.of(known.newest_schemas().items())
    deadline = time.monotonic() + REGISTRY_S

    def wait(seconds: float) -> bool:
        time.sleep(seconds)
        return time.monotonic() < deadline

    return Decoder(book, lambda schema_id: registry.lookup(settings, schema_id), wait)


def _members(
    settings: Settings,
    generation: int,
    only: Sequence[str],
    folds: Mapping[str, Sequence[FoldStore]] | None,
) -> list[FoldStore]:
    sinks = every_fold(settings, generation) if folds is None else folds
    return chosen((fold for members in sinks.values() for fold in members), only)
