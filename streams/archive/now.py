"""Archive what the log holds at this moment, without waiting for ranges to close: before a backup.

A worker's archiver may be about the same records; ranges may overlap, readers take the one that reaches
farthest.
"""

from collections.abc import Collection

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from infra import registry
from infra.clock import Clock
from infra.kafka.config import connection
from infra.settings import Settings
from schemas.topics import BY_NAME
from streams.archive.archiver import ARCHIVED_TOPICS
from streams.archive.archiving import archive_store, reading
from streams.archive.rounds import Archiving, Rules
from streams.archive.writing import RangeWriter

_ROUNDS = 2
"""The first writes ranges that are full, the second what is left of each partition."""


def archive_now(settings: Settings, clock: Clock, topics: Collection[str] = ARCHIVED_TOPICS) -> int:
    """Write every open range; how many that were.

    Raises KafkaException, ArchiveUnavailable, RegistryUnavailable: what is written by then counts.
    """
    book = registry.load_book(settings)
    writer = RangeWriter(archive_store(settings), book, lambda one: registry.lookup(settings, one))
    admin = AdminClient(connection(settings))
    rules = Rules(settings.archive_rows, age_ms=0)
    work = Archiving(admin, lambda: Consumer(reading(settings)), writer, rules, clock)
    keys = [(topic, number) for topic in topics for number in range(BY_NAME[topic].partitions)]
    work.places = dict.fromkeys(keys, None)
    return sum(work.round() for _ in range(_ROUNDS))
