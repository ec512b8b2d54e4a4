"""The archiver: each worker writes the closed ranges of its share of the log to the archive.

A consumer group shares the partitions out; its consumer fetches nothing. A range is read once it is closed.
Two workers that both think a partition theirs write the same ranges, or ranges that overlap: readers do not
mind.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from mode import Service

from infra.archive_store import ArchiveUnavailable
from infra.clock import Clock
from infra.registry import RegistryUnavailable
from infra.settings import Settings
from infra.telemetry import Log
from schemas.topics import OPS, TOPICS
from streams.archive.rounds import Archiving, Rules
from streams.archive.writing import RangeWriter
from streams.exits import BUG, Leave, leave

_log = Log("streams")
ARCHIVED_TOPICS = sorted([topic.name for topic in TOPICS if topic.lane] + [OPS])
ROUND_S = 5.0
POLL_S = 0.5
STOP_S = 3.0
AWAY = (KafkaException, ArchiveUnavailable, RegistryUnavailable)
"""What is waited for: the next round tries again."""


class Archiver(Service):
    """The archiving on a thread of its own, inside the worker. ``group`` and ``reader`` are consumers'
    configurations, ``connection`` an admin client's."""

    def __init__(
        self,
        configs: "Configs",
        writer: RangeWriter,
        settings: Settings,
        clock: Clock,
        leave: Leave = leave,
        **service: Any,
    ) -> None:
        super().__init__(**service)
        self._configs, self._clock, self._leave = configs, clock, leave
        self._rules = Rules(settings.archive_rows, settings.archive_age_s * 1000)
        self._stopping = threading.Event()
        writer.stopping = self._stopping.is_set
        self._writer = writer
        self._thread: threading.Thread | None = None
        self._away = False

    async def on_start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="archiver", daemon=True)
        self._thread.start()

    async def on_stop(self) -> None:
        """A range that is being written is given up: another worker begins it again."""
        self._stopping.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, STOP_S)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    self._work()
                except AWAY as error:
                    self._report(error)
                    self._stopping.wait(ROUND_S)
        except BaseException as error:
            self._leave(BUG, f"the archiver failed: {error!r}", error)

    def _work(self) -> None:
        """Hold a share of the partitions until something goes wrong or the worker stops.

        Any refusal of Kafka ends it: an admin client that saw a broker restart goes on asking with the
        leader epoch from before, and is refused for ever (librdkafka 2.16). The next one begins anew.
        """
        group = Consumer(self._configs.group)
        admin = AdminClient(self._configs.connection)

        def between(wait_s: float = 0.0) -> bool:
            _poll(group, wait_s)
            return not self._stopping.is_set()

        work = Archiving(
            admin, lambda: Consumer(self._configs.reader), self._writer, self._rules, self._clock, between
        )

        def assigned(consumer: Consumer, partitions: list[TopicPartition]) -> None:
            if partitions:
                consumer.incremental_assign(partitions)
                consumer.pause(partitions)
                work.places.update(dict.fromkeys(((one.topic, one.partition) for one in partitions), None))

        def revoked(consumer: Consumer, partitions: list[TopicPartition]) -> None:
            for one in partitions:
                work.places.pop((one.topic, one.partition), None)
            if partitions:
                consumer.incremental_unassign(partitions)

        try:
            group.subscribe(ARCHIVED_TOPICS, on_assign=assigned, on_revoke=revoked, on_lost=revoked)
            self._rounds(work, between)
        finally:
            group.close()

    def _rounds(self, work: Archiving, polled: Callable[[float], bool]) -> None:
        """Round after round; between two of them the place in the group is kept."""
        while all(polled(POLL_S) for _ in range(max(1, round(ROUND_S / POLL_S)))):
            try:
                work.round()
            except (ArchiveUnavailable, RegistryUnavailable) as error:
                self._report(error)
            else:
                if self._away:
                    _log.info("archive_back")
                self._away = False

    def _report(self, error: Exception) -> None:
        if not self._away:
            _log.warning("archive_unavailable", error=str(error))
        self._away = True


@dataclass(frozen=True, slots=True)
class Configs:
    """Of the Kafka clients of an archiver."""

    connection: dict[str, Any]
    group: dict[str, Any]
    reader: dict[str, Any]


def _poll(group: Consumer, wait_s: float) -> None:
    """Every poll goes through here: that a consumer was fenced is told once, by a message whose error does
    not even call itself fatal (librdkafka 2.16), and the consumer is dead from then on."""
    message = group.poll(wait_s)
    error = message.error() if message is not None else None
    if error is not None and (error.fatal() or error.code() == KafkaError._FATAL):  # noqa: SLF001 - its name
        raise KafkaException(error)
