"""The door over a real broker: 202 is never said without it, and its silence is a 503 in time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.kafka import config as kafka_config
from infra.kafka.publisher import Publisher
from infra.provision.topics import ensure_topics
from infra.settings import Settings
from schemas.book import SchemaBook
from schemas.codec import decode
from schemas.topics import BY_NAME, TOPICS
from tests.api.door import Door, like
from tests.stack import Servers

pytestmark = pytest.mark.servers
BOOK = SchemaBook.local()
DEADLINE_S = 2.0
TOPIC = BY_NAME["rf.engagement.v1"]


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """The broker as a machine that hangs: connections stay open, nothing answers."""
    broker = psutil.Process(pid)
    broker.suspend()
    time.sleep(0.5)  # its threads stop one after the other
    try:
        yield
    finally:
        broker.resume()


def ends(reader: Consumer) -> list[int]:
    """The log's end in each partition; what other tests wrote lies before it."""
    places = (TopicPartition(TOPIC.name, partition) for partition in range(TOPIC.partitions))
    return [reader.get_watermark_offsets(place, timeout=10)[1] for place in places]


def stored(reader: Consumer, starts: list[int]) -> list[str]:
    """The ids of every engagement event in the log from these offsets on."""
    ids = []
    for partition, (start, end) in enumerate(zip(starts, ends(reader), strict=True)):
        reader.assign([TopicPartition(TOPIC.name, partition, start)])
        records = reader.consume(end - start, timeout=10) if end > start else []
        ids += [decode(record.value() or b"", BOOK)["event_id"] for record in records]
    return ids


async def test_a_broker_that_hangs_is_503_in_time_and_no_202_is_lost(servers: Servers) -> None:
    bootstrap = servers.start("kafka").kafka_bootstrap
    ensure_topics(AdminClient({"bootstrap.servers": bootstrap}), TOPICS)
    settings = Settings(kafka_bootstrap=bootstrap, produce_deadline_s=DEADLINE_S)
    reader = Consumer(kafka_config.consumer(settings, "test"))
    publisher = Publisher(kafka_config.producer(settings), BOOK, DEADLINE_S)
    door = Door(kafka=publisher)
    await _until_taken(door, [like()])  # a topic made just now has no leader at once
    starts = ends(reader)
    batches = [[like() for _ in range(20)] for _ in range(3)]
    await _until_taken(door, batches[0])
    with frozen(servers._running["kafka"].pid):
        started = time.perf_counter()
        answer = await door.post(batches[1])
        assert time.perf_counter() - started < DEADLINE_S + 1
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    await _until_taken(door, batches[1])
    await _until_taken(door, batches[2])
    assert publisher.close(10) == 0
    assert {event["event_id"] for batch in batches for event in batch} <= set(stored(reader, starts))
    reader.close()


async def _until_taken(door: Door, batch: list[dict[str, object]]) -> None:
    """What a client does: the same body again after 503."""
    deadline = time.monotonic() + 30
    while (answer := await door.post(batch)).status_code == 503 and time.monotonic() < deadline:
        pass
    assert answer.status_code == 202
