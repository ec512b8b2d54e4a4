"""The archiver on a real broker and a real S3 store: closed ranges, byte for byte, once."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.archive_store import ArchiveStore, ArchiveUnavailable, FolderArchiveStore, S3ArchiveStore
from infra.clients import s3_client
from infra.clock import HandClock, SystemClock
from infra.kafka.config import connection, consumer, producer
from infra.provision.buckets import ensure_buckets
from infra.settings import Settings
from schemas.archived import ArchivedRecord, read_records
from schemas.codec import encode
from streams.archive import archiver as archiver_module
from streams.archive.archiver import Archiver
from streams.archive.archiving import archiver
from streams.archive.ranges import Range
from streams.archive.reading import Archive
from streams.archive.rounds import Archiving, Rules
from streams.archive.status import verify
from streams.archive.writing import RangeWriter
from streams.folding.progress import Key
from tests.builders import event
from tests.stack import Servers
from tests.streams.kafka import BOOK, Log, unknown, until

pytestmark = pytest.mark.servers
TOPIC = "rf.ops.v1"
KEY = (TOPIC, 0)
HOUR_MS = 3_600_000


@pytest.fixture
def settings(log: Log, s3_settings: Settings, servers: Servers) -> Settings:
    servers.start("registry")  # other tests' records may be of schemas that the archiver does not know
    given = {"kafka_bootstrap": log.settings.kafka_bootstrap, "archive_rows": 10}
    return s3_settings.model_copy(update=given)


@pytest.fixture
def store(tmp_path: Path) -> FolderArchiveStore:
    return FolderArchiveStore(tmp_path / "archive")


@pytest.fixture
def base(log: Log) -> Iterator[int]:
    """The topic's end, brought to a multiple of ten."""
    end = log.ends(TOPIC)[KEY]
    log.send_bytes(TOPIC, 0, *[b"filler"] * (-end % 10))
    yield end + -end % 10


def archiving(settings: Settings, store: ArchiveStore, base: int, age_ms: int = HOUR_MS) -> Archiving:
    reader = consumer(settings, "test.archive")
    clock = HandClock(SystemClock().now_ms())
    writer = RangeWriter(store, BOOK, unknown)
    made = Archiving(
        AdminClient(connection(settings)), lambda: Consumer(reader), writer, Rules(10, age_ms), clock
    )
    made.places[KEY] = base
    return made


def read(settings: Settings, start: int, end: int) -> list[ArchivedRecord]:
    """The same records as the broker gives them."""
    reader = Consumer(consumer(settings, "test.archive.read"))
    reader.assign([TopicPartition(*KEY, start)])
    found: list[ArchivedRecord] = []
    while not found or found[-1].offset < end - 1:
        for message in reader.consume(end - start - len(found), timeout=5.0):
            kind, at = message.timestamp()
            headers = tuple(message.headers() or [])
            found.append(
                ArchivedRecord(message.offset() or 0, at, kind, message.key(), message.value(), headers)  # type: ignore[arg-type]
            )
    reader.close()
    return found


def test_a_range_is_written_when_its_boundary_is_passed_and_is_what_the_broker_holds(
    log: Log, settings: Settings, store: FolderArchiveStore, base: int, tmp_path: Path
) -> None:
    fact = encode(event("generation.dropped", "operator", run_id="r", generation=3), BOOK)
    sender = Producer(producer(settings))
    for value, key in ((fact, b"k"), (b"poison", None), (None, b""), (b"", b"k")):
        sender.produce(TOPIC, value, key, 0, headers=[("h", b"\x00\xff"), ("h", None), ("", b"")])
    assert sender.flush(10) == 0
    log.send_bytes(TOPIC, 0, *[b"x"] * 5)
    work = archiving(settings, store, base)
    assert work.round() == 0, "nine records do not close a range of ten"
    log.send_bytes(TOPIC, 0, *[b"y"] * 16)
    assert work.round() == 2, "one range after another, and the rest stays open"
    assert work.round() == 0
    ranges = Archive(store).ranges(KEY)
    assert ranges == [Range(*KEY, base, base + 9), Range(*KEY, base + 10, base + 19)]
    for one in ranges:
        with (tmp_path / "archive" / one.object_name).open("rb") as file:
            assert list(read_records(file)) == read(settings, one.first, one.next)
    said = Archive(store).manifest(ranges[0])
    assert [entry["schema"]["event_type"] for entry in said.schemas.values()] == ["generation.dropped"]
    assert [reason for _, reason in verify(Archive(store), [KEY])] == ["", ""]


def test_age_closes_a_range_and_the_next_begins_behind_it(
    log: Log, settings: Settings, store: FolderArchiveStore, base: int
) -> None:
    log.send_bytes(TOPIC, 0, b"a", b"b", b"c")
    assert archiving(settings, store, base).round() == 0
    aged = archiving(settings, store, base, age_ms=-HOUR_MS)
    assert aged.round() == 1
    log.send_bytes(TOPIC, 0, *[b"d"] * 7)
    assert archiving(settings, store, base + 3).round() == 1, "up to the multiple, not ten more"
    spans = [(one.first - base, one.last - base) for one in Archive(store).ranges(KEY)]
    assert spans == [(0, 2), (3, 9)]


@pytest.mark.parametrize("left", [{}, {KEY: None}])
def test_a_partition_that_goes_between_two_ranges_is_left_to_its_next_owner(
    log: Log, settings: Settings, store: FolderArchiveStore, base: int, left: dict[Key, int | None]
) -> None:
    log.send_bytes(TOPIC, 0, *[b"x"] * 30)
    work = archiving(settings, store, base)
    asked: list[None] = []

    def rebalanced() -> bool:
        asked.append(None)
        if len(asked) == 2:
            work.places.clear()
            work.places.update(left)
        return True

    work._between = rebalanced
    assert work.round() == 1
    assert work.places == left
    assert len(Archive(store).ranges(KEY)) == 1


def test_large_records_close_a_range_early(
    log: Log, settings: Settings, store: FolderArchiveStore, base: int
) -> None:
    log.send_bytes(TOPIC, 0, *[b"z" * 1000] * 10)
    work = archiving(settings, store, base)
    work._writer.most_bytes = 4000
    assert work.round() == 3
    spans = [(one.first - base, one.last - base) for one in Archive(store).ranges(KEY)]
    assert spans == [(0, 3), (4, 7), (8, 9)]


def test_the_archive_says_where_to_go_on_and_what_the_log_let_go_of_is_a_hole_that_is_told(
    log: Log, settings: Settings, store: FolderArchiveStore, base: int, capsys: pytest.CaptureFixture[str]
) -> None:
    log.send_bytes(TOPIC, 0, *[b"x"] * 10)
    assert archiving(settings, store, base).round() == 1
    again = archiving(settings, store, base)
    again.places[KEY] = None
    assert again.round() == 0
    assert again.places[KEY] == base + 10
    again._begin(KEY, base + 15)
    assert again.places[KEY] == base + 15
    assert "archive_hole" in capsys.readouterr().err


def test_two_writers_of_one_range_do_not_spoil_it(
    log: Log, settings: Settings, store: FolderArchiveStore, base: int, tmp_path: Path
) -> None:
    log.send_bytes(TOPIC, 0, *[b"x"] * 10)
    assert archiving(settings, store, base).round() == 1
    path = tmp_path / "archive" / Range(*KEY, base, base + 9).object_name
    before = path.read_bytes()
    path.unlink()
    assert archiving(settings, store, base).round() == 1
    assert path.read_bytes() == before


def test_without_its_store_nothing_counts_and_nothing_is_lost(
    log: Log, settings: Settings, base: int, tmp_path: Path
) -> None:
    class Away(FolderArchiveStore):
        def put(self, name: str, content: bytes) -> None:
            raise ArchiveUnavailable("away")

    log.send_bytes(TOPIC, 0, *[b"x"] * 10)
    work = archiving(settings, Away(tmp_path), base)
    with pytest.raises(ArchiveUnavailable):
        work.round()
    assert Archive(FolderArchiveStore(tmp_path)).ranges(KEY) == []
    assert archiving(settings, FolderArchiveStore(tmp_path), work.places[KEY] or 0).round() == 1


def test_a_log_that_gives_nothing_out_is_no_endless_wait(
    settings: Settings, store: FolderArchiveStore, base: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.archive.writing.SILENCE_S", 0.0)
    reader = Consumer(consumer(settings, "test.archive"))
    with pytest.raises(KafkaException, match="not given out"):
        RangeWriter(store, BOOK, unknown).write(reader, KEY, base, base + 10)
    reader.close()


async def test_the_service_in_a_worker_archives_into_its_bucket(
    log: Log, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiver_module, "ROUND_S", 0.5)
    settings = settings.model_copy(
        update={"archive_rows": 1_000}
    )  # the whole topic is archived, not only ours
    ensure_buckets(s3_client(settings), settings)
    end = _filled(log, 1_000)
    store = S3ArchiveStore(s3_client(settings), settings.bucket_archive)
    async with _at_work(settings, "a", "b"):
        await until(lambda: Archive(store).reach(KEY, 0) >= end, 30)
    archive = Archive(store)
    assert archive.ranges(KEY)[0].first == 0
    assert archive.reach(KEY, 0) == end
    assert {reason for _, reason in verify(archive, [KEY])} == {""}
    one = json.loads(store.get(archive.ranges(KEY)[-1].manifest_name))
    assert (one["topic"], one["partition"], one["count"]) == (*KEY, 1_000)
    with pytest.raises(ArchiveUnavailable, match="NoSuchKey"):
        store.get("nothing")


async def test_one_that_the_brokers_shut_out_joins_again(
    log: Log, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a broker that died while it answered: librdkafka's member is fenced, and dead for good."""
    monkeypatch.setattr(archiver_module, "ROUND_S", 0.5)
    settings = settings.model_copy(update={"archive_rows": 1_000, "bucket_archive": "reelfold-shut-out"})
    ensure_buckets(s3_client(settings), settings)
    store = S3ArchiveStore(s3_client(settings), settings.bucket_archive)
    first = _filled(log, 1_000)
    async with _at_work(settings, "c") as (service,):
        await until(lambda: Archive(store).reach(KEY, 0) >= first, 30)
        twin = Consumer(service._configs.group)
        twin.subscribe([TOPIC])
        await until(lambda: twin.poll(0.1) is None and twin.assignment(), 30)
        await until(lambda: service._away, 30)
        twin.close()
        end = _filled(log, 1_000)
        await until(lambda: Archive(store).reach(KEY, 0) >= end, 30)


def _filled(log: Log, rows: int) -> int:
    """Append at least one record, up to a multiple of so many; the topic's end."""
    end = log.ends(TOPIC)[KEY]
    more = rows - end % rows
    log.send_bytes(TOPIC, 0, *[b"filler"] * more)
    return end + more


@asynccontextmanager
async def _at_work(settings: Settings, *slots: str) -> AsyncIterator[list[Archiver]]:
    """The archivers of so many workers."""
    services: list[Archiver] = [
        archiver(settings.model_copy(update={"worker_slot": slot}), BOOK, SystemClock()) for slot in slots
    ]
    for one in services:
        await one.on_start()
    try:
        yield services
    finally:
        await asyncio.gather(*(one.on_stop() for one in services))
