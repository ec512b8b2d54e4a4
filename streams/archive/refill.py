"""The archive -> an empty log: every record at the offset and the time it had, byte for byte.

For a stack that was restored: positions, event places and archive ranges name offsets, and the log must go
on where it ended. Workers that run fold what comes as they fold anything. Nobody else may write meanwhile:
each record's offset is compared with the one it had, and the first that differs ends the work.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.kafka.config import consumer, producer
from infra.kafka.reading import read_from
from infra.kafka.refusal import admin_client
from infra.provision.topics import ensure_topics, set_timestamps
from infra.settings import Settings
from schemas.archived import ArchivedRecord, read_records
from schemas.topics import BY_NAME, OPS
from streams.archive.archiver import ARCHIVED_TOPICS
from streams.archive.ranges import Range, covering
from streams.archive.reading import Archive
from streams.folding.progress import Key

ANSWER_S = 30.0
FIRST = ("rf.media.v1",)
"""What was done is told before what was to do: a worker that watches begins no transcode anew."""
Tell = Callable[[str, int, int], None]


class CannotRefill(Exception):
    """The log is not one that this archive may be written to; the message says why."""


def order(topics: Iterable[str]) -> list[str]:
    """These topics, in the order in which they are written."""
    return sorted(topics, key=lambda topic: (topic == OPS, topic not in FIRST, topic))


def refill(
    settings: Settings, archive: Archive, tell: Tell, topics: Collection[str] = ARCHIVED_TOPICS
) -> int:
    """Write what the log lacks; how many records that were. Run again it goes on where it ended.

    Raises CannotRefill, KafkaException, ArchiveUnavailable, DamagedArchive.
    """
    keys = [(topic, number) for topic in order(topics) for number in range(BY_NAME[topic].partitions)]
    with admin_client(settings) as admin, _reader(settings) as reader:
        ensure_topics(admin, replication=settings.kafka_replication)
        places = {key: _place(reader, archive, key) for key in keys}
        with _own_times(admin, order(topics)):
            return sum(_write(settings, archive, key, places[key], tell) for key in keys)


def _place(reader: Consumer, archive: Archive, key: Key) -> int:
    """The next offset to write; raises CannotRefill when what the log holds is not the archive's."""
    low, high = reader.get_watermark_offsets(TopicPartition(*key), ANSWER_S)
    begin = archive.low(key)
    if begin is None:
        return int(high)
    if high == 0 and begin > 0:
        raise CannotRefill(f"{_named(key)}: the archive begins at offset {begin}, and an empty log at 0")
    if high > archive.reach(key, begin):
        raise CannotRefill(f"{_named(key)}: the log has records that the archive has not: it is in use")
    if high > low and _last(reader, key, high - 1) != _archived(archive, key, high - 1):
        raise CannotRefill(
            f"{_named(key)}: offset {high - 1} of the log is another record than the archive's"
        )
    return int(high)


def _write(settings: Settings, archive: Archive, key: Key, start: int, tell: Tell) -> int:
    at, end = start, archive.reach(key, start)
    if at == end:
        return 0
    log = Producer(producer(settings) | {"delivery.timeout.ms": int(ANSWER_S * 1000)}, logger=None)
    while at < end and (one := covering(archive.ranges(key), at)) is not None:
        sent = _Sent(key, at)
        for record in _records(archive, one, at):
            sent.wants(record)
            _produce(log, key, record, sent)
        if log.flush(ANSWER_S):
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - librdkafka's name
        sent.well()
        at = one.next
        tell(_named(key), at - start, end - start)
    return at - start


@dataclass(slots=True)
class _Sent:
    """The records on their way, and the first that did not arrive where it was."""

    key: Key
    next: int
    wrong: list[str] = field(default_factory=list)

    def wants(self, record: ArchivedRecord) -> None:
        """A record that is not the next one: offsets cannot be left out."""
        if record.offset != self.next:
            raise CannotRefill(f"{_named(self.key)}: offset {self.next} is in no file of the archive")
        self.next += 1
        self.well()

    def arrived(self, record: ArchivedRecord, error: KafkaError | None, message: Message) -> None:
        """The brokers' answer."""
        if error is not None:
            self.wrong.append(f"{_named(self.key)}: {error.str()}")
        elif message.offset() != record.offset:
            self.wrong.append(
                f"{_named(self.key)}: offset {record.offset} became {message.offset()}: somebody else "
                "writes; end every producer, empty the log, and begin again"
            )

    def well(self) -> None:
        """Raise CannotRefill when something went wrong."""
        if self.wrong:
            raise CannotRefill(self.wrong[0])


def _produce(log: Producer, key: Key, record: ArchivedRecord, sent: _Sent) -> None:
    def arrived(error: KafkaError | None, message: Message) -> None:
        sent.arrived(record, error, message)

    while True:
        try:
            log.produce(
                key[0],
                record.value,
                record.key,
                partition=key[1],
                on_delivery=arrived,
                timestamp=record.timestamp,
                headers=list(record.headers),
            )
        except BufferError:
            log.poll(0.1)
        else:
            log.poll(0)
            return


def _records(archive: Archive, of: Range, start: int) -> Iterator[ArchivedRecord]:
    with TemporaryDirectory(prefix="reelfold-refill-") as folder:
        path = Path(folder) / "range.avro"
        archive.check(of, path)
        with path.open("rb") as file:
            yield from (record for record in read_records(file) if record.offset >= start)


def _archived(archive: Archive, key: Key, offset: int) -> tuple[bytes | None, bytes | None]:
    of = covering(archive.ranges(key), offset)
    if of is None:
        return None, None
    record = next(_records(archive, of, offset))
    return record.key, record.value


def _last(reader: Consumer, key: Key, offset: int) -> tuple[bytes | None, bytes | None]:
    read_from(reader, *key, offset)
    message = reader.poll(ANSWER_S)
    if message is None or message.error() is not None:
        raise CannotRefill(f"{_named(key)}: offset {offset} cannot be read")
    return message.key(), message.value()


@contextmanager
def _reader(settings: Settings) -> Iterator[Consumer]:
    reader = Consumer(consumer(settings, "reelfold.refill"))
    try:
        yield reader
    finally:
        reader.close()


@contextmanager
def _own_times(admin: AdminClient, topics: Sequence[str]) -> Iterator[None]:
    """Records keep the time they had; afterwards the brokers' clock is the log's again."""
    set_timestamps(admin, topics, "CreateTime")
    try:
        yield
    finally:
        set_timestamps(admin, topics, "LogAppendTime")


def _named(key: Key) -> str:
    return f"{key[0]}/{key[1]}"
