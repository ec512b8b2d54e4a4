"""The log's contract, held by the memory twin and by Kafka; then what only a broker can show."""

import asyncio
import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.kafka import config as kafka_config
from infra.kafka.messages import message
from infra.kafka.publisher import LogUnavailable, Publisher
from infra.kafka.publisher_memory import MemoryPublisher
from infra.provision.topics import ensure_topics
from infra.settings import Settings
from schemas.book import SchemaBook
from schemas.codec import decode
from schemas.errors import InvalidEvent
from schemas.same_shape import SameShape
from schemas.topics import TOPICS
from tests.builders import Event, followed, liked, view_started

BOOK = SchemaBook.local()
Read = Callable[[], list[tuple[str, bytes, bytes]]]


@pytest.fixture(scope="module")
def kafka(kafka_bootstrap: str) -> Settings:
    """Settings of a broker that has the topics."""
    ensure_topics(AdminClient({"bootstrap.servers": kafka_bootstrap}), TOPICS)
    return Settings(kafka_bootstrap=kafka_bootstrap, produce_deadline_s=10)


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.servers)])
def log(request: pytest.FixtureRequest) -> Iterator[tuple[MemoryPublisher | Publisher, Read]]:
    """A log, and how to read all that it took in since."""
    if request.param == "memory":
        twin = MemoryPublisher(BOOK)
        yield twin, lambda: twin.records
        return
    settings: Settings = request.getfixturevalue("kafka")
    before = ends(settings)
    publisher = Publisher(kafka_config.producer(settings), BOOK)
    yield publisher, lambda: read(settings, before)
    assert publisher.close(5) == 0


def consumer(settings: Settings) -> Consumer:
    return Consumer(kafka_config.consumer(settings, "test"))


def ends(settings: Settings) -> dict[tuple[str, int], int]:
    places = [(topic.name, p) for topic in TOPICS if topic.events for p in range(topic.partitions)]
    reader = consumer(settings)
    try:
        return {place: end(reader, TopicPartition(*place)) for place in places}
    finally:
        reader.close()


def end(reader: Consumer, place: TopicPartition) -> int:
    """The end of a partition. A topic that was just made has no leader for a moment."""
    deadline = time.monotonic() + 15
    while True:
        try:
            return int(reader.get_watermark_offsets(place, timeout=10)[1])
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            reader.list_topics(place.topic, timeout=10)
            time.sleep(0.1)


def read(settings: Settings, since: dict[tuple[str, int], int]) -> list[tuple[str, bytes, bytes]]:
    """(topic, key, value) of everything between two ends, partition by partition."""
    now = ends(settings)
    spans = {place: (since[place], end) for place, end in now.items() if end > since[place]}
    reader = consumer(settings)
    try:
        reader.assign([TopicPartition(*place, start) for place, (start, _) in spans.items()])
        wanted = sum(end - start for start, end in spans.values())
        records = reader.consume(wanted, timeout=10) if wanted else []
        found = [(str(r.topic()), bytes(r.key() or b""), bytes(r.value() or b"")) for r in records]
        assert len(found) == wanted
        return found
    finally:
        reader.close()


def batch(count: int = 10) -> list[Event]:
    return [liked(f"user-{index}", "v1", at=index) for index in range(count)]


Subject = tuple[MemoryPublisher | Publisher, Read]


async def test_its_yes_means_that_every_event_can_be_read(log: Subject) -> None:
    publisher, read_all = log
    events = [*batch(), followed("ann", "bob"), view_started("ann", "v1", "w1")]
    await publisher.publish_all(events)
    stored = {decode(value, BOOK)["event_id"]: (topic, key) for topic, key, value in read_all()}
    assert stored == {event["event_id"]: message(event, BOOK)[:2] for event in events}


async def test_events_that_are_columns_are_sent_as_they_would_be_one_by_one(log: Subject) -> None:
    publisher, read_all = log
    events = [liked("ann", f"v{nth}", at=nth) for nth in range(5)]
    messages = publisher.messages(SameShape.of(events))
    assert messages == publisher.messages(events) == [message(event, BOOK) for event in events]
    await publisher.send(messages)
    assert sorted(read_all()) == sorted(message(event, BOOK)[:3] for event in events)


def test_a_thread_may_publish_too(log: Subject) -> None:
    publisher, read_all = log
    publisher.publish_and_wait(batch(3), 10.0)
    assert len(read_all()) == 3


async def test_one_key_keeps_its_order(log: Subject) -> None:
    publisher, read_all = log
    events = [liked("ann", f"v{index}", at=index) for index in range(50)]
    await publisher.publish_all(events[:25])
    await publisher.publish_all(events[25:])
    assert [decode(value, BOOK)["video_id"] for _, _, value in read_all()] == [e["video_id"] for e in events]


async def test_an_event_that_cannot_be_written_stops_its_batch_before_anything_is_sent(log: Subject) -> None:
    publisher, read_all = log
    with pytest.raises(InvalidEvent):
        await publisher.publish_all([*batch(2), liked("ann", "v1") | {"position": "first"}])
    assert read_all() == []


async def test_nothing_to_publish_is_a_yes(log: Subject) -> None:
    publisher, read_all = log
    await publisher.publish_all([])
    assert read_all() == []


@pytest.mark.servers
async def test_many_callers_at_once_are_each_answered(kafka: Settings) -> None:
    publisher = Publisher(kafka_config.producer(kafka), BOOK)
    before = ends(kafka)
    await asyncio.gather(*(publisher.publish_all(batch(5)) for _ in range(100)))
    assert len(read(kafka, before)) == 500
    publisher.close()


async def test_a_broker_that_is_not_there_is_log_unavailable_within_the_deadline() -> None:
    settings = Settings(kafka_bootstrap="127.0.0.1:26499", produce_deadline_s=1)
    publisher = Publisher(kafka_config.producer(settings), BOOK, settings.produce_deadline_s)
    started = time.perf_counter()
    with pytest.raises(LogUnavailable):
        await publisher.publish_all(batch())
    assert time.perf_counter() - started < 2
    publisher.close(0.1)


async def test_a_batch_that_does_not_fit_is_refused_at_once_and_whole() -> None:
    settings = Settings(kafka_bootstrap="127.0.0.1:26499")
    config = kafka_config.producer(settings) | {"queue.buffering.max.messages": 100}
    publisher = Publisher(config, BOOK)
    waits = asyncio.create_task(publisher.publish_all(batch(80)))
    while publisher.fullness() < 0.8:
        await asyncio.sleep(0.01)
    held = publisher.fullness()
    for _ in range(5):
        started = time.perf_counter()
        with pytest.raises(LogUnavailable, match="full"):
            await publisher.publish_all(batch(30))
        assert time.perf_counter() - started < 0.1
    assert publisher.fullness() <= held + 0.05  # perhaps an error it has to tell, and no half of a batch
    assert publisher.close(0.1) >= 80
    with pytest.raises(LogUnavailable):
        await waits


@pytest.mark.servers
async def test_a_dead_producer_is_replaced(kafka: Settings) -> None:
    publisher = Publisher(kafka_config.producer(kafka), BOOK)
    await publisher.publish_all(batch(1))
    first = publisher._open
    assert first is not None
    first.dead = True
    await publisher.publish_all(batch(1))
    assert publisher._open is not first
    publisher.close()


def test_every_server_may_ask_for_tls_and_a_name() -> None:
    settings = Settings(
        kafka_security="SASL_SSL", kafka_username="gateway", kafka_password="secret", kafka_ca_file="/ca.pem"
    )
    config = kafka_config.producer(settings)
    assert config["security.protocol"] == "SASL_SSL"
    assert config["ssl.ca.location"] == "/ca.pem"
    assert (config["sasl.username"], config["sasl.password"]) == ("gateway", "secret")
    assert (config["acks"], config["enable.idempotence"]) == ("all", True)
    assert config["partitioner"] == "murmur2_random"


def test_a_producer_that_is_told_dead_by_its_code_alone_is_replaced() -> None:
    publisher = Publisher({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, SchemaBook.local())
    first = publisher._polled()
    assert publisher._open is not None
    publisher._open.failed(KafkaError(KafkaError._FATAL, "fenced"))
    assert publisher._polled() is not first
    publisher.close(0.1)
