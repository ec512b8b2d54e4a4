"""Dead letters on a real broker: the original bytes, whole; and when there are too many."""

from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from infra.kafka.config import connection, producer
from infra.settings import Settings
from schemas.errors import InvalidEvent
from schemas.topics import DEAD_LETTERS
from streams.exits import Stopped
from streams.letters.parking import CUT_BYTES, DeadLetterLimit, KafkaDeadLetters, Letter, TooManyDeadLetters
from tests.streams.kafka import Log

KEY = ("rf.engagement.v1", 2)


def letter(offset: int, value: bytes | None, **given: Any) -> Letter:
    fields: dict[str, Any] = {"key": b"u1", "headers": [("ce_id", b"e1"), ("ce_id", None)]} | given
    return Letter(*KEY, offset, 1_234, fields["key"], value, fields["headers"], InvalidEvent("r", "d"), 9)


def parked(log: Log, before: dict[Any, int]) -> list[Any]:
    """What stands in the dead-letter topic beyond these ends."""
    reader = Consumer(connection(log.settings) | {"group.id": "read", "enable.auto.commit": False})
    found = []
    try:
        for key, end in log.ends(DEAD_LETTERS).items():
            reader.assign([TopicPartition(*key, before[key])])
            wanted = end - before[key]
            while wanted:
                messages = reader.consume(wanted, timeout=1.0)
                found += messages
                wanted -= len(messages)
        return found
    finally:
        reader.close()


@pytest.mark.servers
def test_letters_keep_every_byte_up_to_the_largest_message_of_any_topic(log: Log) -> None:
    office = KafkaDeadLetters(producer(log.settings), "group", "1.0", lambda seconds: True)
    values: list[bytes | None] = [None, b"", b"\x00junk", bytes(range(256)) * 4_096]
    before = log.ends(DEAD_LETTERS)
    office.park([letter(offset, value) for offset, value in enumerate(values)])
    found = sorted(parked(log, before), key=lambda one: int(dict(one.headers())["dlq.offset"]))
    assert [one.value() for one in found] == values
    assert {one.key() for one in found} == {b"rf.engagement.v1"}
    assert found[0].headers() == [
        ("ce_id", b"e1"),
        ("ce_id", None),
        ("dlq.topic", b"rf.engagement.v1"),
        ("dlq.partition", b"2"),
        ("dlq.offset", b"0"),
        ("dlq.timestamp", b"1234"),
        ("dlq.stage", b"decode"),
        ("dlq.reason", b"r"),
        ("dlq.error", b"d"),
        ("dlq.schema_id", b"9"),
        ("dlq.group", b"group"),
        ("dlq.version", b"1.0"),
        ("dlq.attempt", b"1"),
        ("dlq.key", b"u1"),
    ]


@pytest.mark.servers
def test_a_value_beyond_that_is_cut_and_says_so(log: Log) -> None:
    office = KafkaDeadLetters(producer(log.settings), "group", "1.0", lambda seconds: True)
    before = log.ends(DEAD_LETTERS)
    office.park([letter(1, b"x" * (CUT_BYTES + 1))])
    [found] = parked(log, before)
    assert len(found.value()) == CUT_BYTES
    assert dict(found.headers())["dlq.value_bytes"] == str(CUT_BYTES + 1).encode()


def test_a_log_that_is_away_is_waited_for_until_the_worker_stops() -> None:
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return len(waited) < 3

    settings = Settings(kafka_bootstrap="127.0.0.1:1", produce_deadline_s=0.2)
    office = KafkaDeadLetters(producer(settings), "group", "1.0", wait)
    with pytest.raises(Stopped):
        office.park([letter(0, b"junk")])
    assert waited == [0.2, 0.4, 0.8]


def test_a_message_counts_once_however_often_it_is_read() -> None:
    limit = DeadLetterLimit(in_a_row=2, share=1)
    assert [limit.is_new(KEY, offset) for offset in (5, 5, 7, 5)] == [True, False, True, False]
    limit.begin(KEY, 20)
    assert not limit.is_new(KEY, 19)
    assert limit.is_new(KEY, 20)


def test_too_many_in_a_row_or_too_large_a_share_is_no_fault_of_single_messages() -> None:
    in_a_row = DeadLetterLimit(in_a_row=2, share=0.5)
    with pytest.raises(TooManyDeadLetters, match="3 unreadable messages in a row on rf.engagement.v1/2"):
        for offset in range(3):
            in_a_row.is_new(KEY, offset)
    share = DeadLetterLimit(in_a_row=100, share=0.1, window=20)
    with pytest.raises(TooManyDeadLetters, match="3 of the last 20"):
        for offset in (0, 2, 4):
            share.is_new(KEY, offset)
    spread = DeadLetterLimit(in_a_row=100, share=0.1, window=20)
    assert all(spread.is_new(KEY, offset) for offset in range(0, 200, 11))
