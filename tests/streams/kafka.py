"""A lane under test on a real broker: its log, a fold that remembers what it was given, a lane to run."""

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NoReturn

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.clock import SystemClock
from infra.kafka.config import connection, producer
from infra.provision.topics import ensure_topics
from infra.registry import RegistryUnavailable
from infra.settings import Settings
from projections.memory_ledger import MemoryFold, MemoryLedger
from projections.position import StoreUnavailable
from schemas.batch import OFFSET, RecordBatch
from schemas.book import SchemaBook
from schemas.catalogue import EventSchema
from schemas.codec import encode
from schemas.errors import UnknownSchema
from schemas.topics import TOPIC_OF
from streams import app
from streams.batches.decoding import Decoder
from streams.folding.channel import BatchChannel
from streams.folding.handouts import Handouts
from streams.folding.progress import Key
from streams.folding.runner import FoldRunner
from streams.lane.intake import Intake
from streams.lane.lane import Lane
from streams.letters.parking import DeadLetterLimit, Letter
from streams.worker import lane_config

BOOK = SchemaBook.local()


class Left(Exception):
    """The process would have ended."""


class RememberingFold(MemoryFold):
    """Keeps every (offset, event_id) it was given, by partition; can be away."""

    def __init__(self, name: str, topics: tuple[str, ...], positions: Mapping[Key, int]) -> None:
        super().__init__(MemoryLedger(dict(positions)))
        self.name = name
        self.topics = topics
        self.seen: dict[Key, list[tuple[int, str]]] = {}
        self.warmed: list[tuple[int, int]] = []
        self.away = False
        self.broken: Exception | None = None

    def position(self, topic: str, partition: int) -> int | None:
        if self.away:
            raise StoreUnavailable("away")
        return super().position(topic, partition)

    def warm(self, batch: RecordBatch) -> None:
        self.warmed.append((batch.start, batch.next))

    def apply(self, batch: RecordBatch, expected: int | None) -> None:
        if self.away:
            raise StoreUnavailable("away")
        if self.broken is not None:
            raise self.broken
        super().apply(batch, expected)

    def change(self, batch: RecordBatch) -> None:
        rows = [(row[OFFSET], row["event_id"]) for row in batch.rows()]
        self.seen.setdefault((batch.topic, batch.partition), []).extend(rows)

    def ids(self) -> list[str]:
        """Every event id, as often as it was folded."""
        # A copy first: a thread of the fold's adds partitions meanwhile.
        return [event_id for rows in list(self.seen.values()) for _, event_id in rows]


class MemoryOffice:
    """The dead-letter office's twin."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    def park(self, letters: Sequence[Letter]) -> None:
        self.letters.extend(letters)


class Log:
    """The broker's topics, with a producer."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._producer = Producer(producer(settings))
        ensure_topics(AdminClient(connection(settings)))

    def send(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Append events where their keys belong, and wait."""
        for event in events:
            topic = TOPIC_OF[event["event_type"]]
            self._producer.produce(topic.name, encode(event, BOOK), str(event[topic.key]).encode())
        assert self._producer.flush(30) == 0

    def send_bytes(self, topic: str, partition: int, *values: bytes | None) -> None:
        """Append messages as they are."""
        for value in values:
            self._producer.produce(topic, value, b"key", partition)
        assert self._producer.flush(30) == 0

    def ends(self, *topics: str) -> dict[Key, int]:
        """The end of every partition."""
        reader = Consumer(connection(self.settings) | {"group.id": "ends"})
        try:
            every = reader.list_topics(timeout=10).topics
            keys = [(topic, partition) for topic in topics for partition in every[topic].partitions]
            return {key: _end(reader, key) for key in keys}
        finally:
            reader.close()

    def committed(self, group: str, topic: str) -> dict[Key, int]:
        """What Kafka holds of a group."""
        reader = Consumer(connection(self.settings) | {"group.id": group})
        try:
            asked = [TopicPartition(topic, partition) for partition in range(4)]
            return {(one.topic, one.partition): one.offset for one in reader.committed(asked, timeout=10)}
        finally:
            reader.close()


def _end(reader: Consumer, key: Key) -> int:
    """A topic that was just made has no leader for a moment."""
    while True:
        try:
            return int(reader.get_watermark_offsets(TopicPartition(*key), timeout=10)[1])
        except KafkaException:
            reader.list_topics(timeout=10)


class Running:
    """A lane at work, and what it left with if it left."""

    def __init__(self, lane: Lane, office: MemoryOffice) -> None:
        self.lane = lane
        self.office = office
        self.left: list[tuple[int, str]] = []

    def leave(self, code: int, line: str, error: BaseException | None = None) -> NoReturn:
        self.left.append((code, line))
        raise Left(line)


def unknown(schema_id: int) -> EventSchema:
    """A registry that knows no other ids."""
    raise UnknownSchema(schema_id)


def silent(schema_id: int) -> EventSchema:
    """A registry that does not answer."""
    raise RegistryUnavailable("silent")


@asynccontextmanager
async def running(
    settings: Settings,
    group: str,
    *folds: Any,
    lookup: Any = unknown,
    limit: DeadLetterLimit | None = None,
    slot: str = "0",
) -> AsyncIterator[Running]:
    """A lane with these folds, each fed through its channel, without the Faust worker around it."""
    stopping = threading.Event()
    office = MemoryOffice()
    decoder = Decoder(BOOK, lookup, lambda seconds: not stopping.wait(seconds))
    intake = Intake(decoder, limit or DeadLetterLimit(), office, settings.batch_rows, 0.02)
    config = lane_config(settings.model_copy(update={"worker_slot": slot}), group, group)
    under_test = Running(Lane(group, config, intake, stopping), office)
    lane = under_test.lane
    lane._leave = under_test.leave
    faust_app = app.build(settings)
    pumps = []
    for fold in folds:
        runner = FoldRunner(fold, lane.seek, SystemClock(), leave=under_test.leave)
        channel = BatchChannel(faust_app)
        lane.add(runner, channel)
        pumps.append(asyncio.create_task(_pump(channel, runner)))
    await lane.on_start()
    try:
        yield under_test
    finally:
        await lane.on_stop()
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def _pump(channel: BatchChannel, runner: FoldRunner) -> None:
    flush: Any
    async for flush in channel:
        assert all(isinstance(one, Handouts) for one in flush)
        await runner.handle(*flush)
        channel.done()


async def until(condition: Any, seconds: float = 20.0) -> None:
    """Wait for a condition."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "did not come true in time"
        await asyncio.sleep(0.01)
