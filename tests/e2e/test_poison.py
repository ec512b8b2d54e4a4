"""What cannot be read is parked on the real dead-letter topic, whole; its neighbours count."""

import asyncio
from collections.abc import Sequence
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

from infra.clock import SystemClock, new_event_id
from infra.demo.client import Client
from infra.demo.simulation import Simulated
from infra.kafka.config import consumer, producer
from infra.kafka.messages import message
from infra.kafka.publisher import Publisher
from infra.registry import load_book
from infra.settings import Settings
from schemas.topics import BY_NAME, DEAD_LETTERS
from tests.builders import view_started
from tests.e2e.stores import caught_up
from tests.e2e.supervised import Stack
from tests.e2e.town import Town, agreed, settle_in
from tests.e2e.waiting import until

TOPIC, PARTITION = "rf.playback.v1", 0
UNKNOWN_ID = b"\x00\x00\x98\x96\x7f" + b"whatever this is"
KEY = b"poisoner"
HEADER = ("trace", b"abc")


async def test_poison_is_parked_and_its_neighbours_count(
    full_stack: Stack, client: Client, trusted: Publisher
) -> None:
    settings, town = full_stack.settings, Town.named("poisoned", users=2, videos=1)
    await settle_in(town, client, trusted)
    good = [_view(town, nth) for nth in range(5)]
    book = load_book(settings)
    wires = [message(one, book)[2] for one in good]
    poison: list[tuple[bytes | None, str]] = [
        (b"\x07not avro at all", "bad_magic"),
        (UNKNOWN_ID, "unknown_schema"),
        (wires[0][: len(wires[0]) // 2], "undecodable"),
        (None, "no_value"),
    ]
    offsets = await asyncio.to_thread(_write, settings, wires, [value for value, _ in poison])
    letters = await until(lambda: asyncio.to_thread(_letters, settings, offsets), "four letters are parked")
    assert letters is not None

    assert [(letter.value(), _header(letter, "dlq.reason")) for letter in letters] == poison
    for letter, offset in zip(letters, offsets, strict=True):
        assert letter.key() == TOPIC.encode()
        assert dict(letter.headers() or [])["trace"] == b"abc"
        said = [_header(letter, f"dlq.{name}") for name in ("topic", "partition", "offset", "key", "attempt")]
        assert said == [TOPIC, str(PARTITION), str(offset), KEY.decode(), "1"]
        assert _header(letter, "dlq.group") == "reelfold.clickhouse.g1"
        assert int(_header(letter, "dlq.timestamp")) > 0
        assert _header(letter, "dlq.error")
    numbers = [_header(letter, "dlq.schema_id") for letter in letters]
    assert numbers[:2] == ["", "9999999"]
    assert numbers[3] == ""
    await agreed(client, town, [Simulated(one["actor_id"], one) for one in good])
    await caught_up(settings)


def _view(town: Town, nth: int) -> dict[str, Any]:
    now = SystemClock().now_ms()
    view, ident = new_event_id(now), new_event_id(now)
    return view_started(town.users[nth % 2], town.ids[0], view, now, event_id=ident, source="/svc/test")


def _write(settings: Settings, wires: Sequence[bytes], poison: Sequence[bytes | None]) -> list[int]:
    """Good and bad by turns into one partition; the offsets of the bad ones."""
    placed: list[tuple[bytes | None, int]] = []

    def done(error: object, sent: Message) -> None:
        assert error is None
        placed.append((sent.value(), int(sent.offset() or 0)))

    writer = Producer(producer(settings))
    for nth, wire in enumerate(wires):
        writer.produce(TOPIC, wire, KEY, PARTITION, on_delivery=done)
        if nth < len(poison):
            writer.produce(TOPIC, poison[nth], KEY, PARTITION, headers=[HEADER], on_delivery=done)
    assert writer.flush(20) == 0
    return [offset for value, offset in placed if value not in wires]


def _letters(settings: Settings, offsets: Sequence[int]) -> list[Message] | None:
    """The letters of these offsets, once all are there; every partition read from its start."""
    reader = Consumer(consumer(settings, "reelfold.test.letters") | {"enable.partition.eof": True})
    numbers = range(BY_NAME[DEAD_LETTERS].partitions)
    reader.assign([TopicPartition(DEAD_LETTERS, number, OFFSET_BEGINNING) for number in numbers])
    found: list[Message] = []
    at_end: set[int] = set()
    while len(at_end) < len(numbers):
        for one in reader.consume(100, timeout=1.0):
            if one.error() is not None:
                at_end.add(int(one.partition() or 0))
            elif _header(one, "dlq.topic") == TOPIC and int(_header(one, "dlq.offset")) in offsets:
                found.append(one)
    reader.close()
    return (
        sorted(found, key=lambda one: int(_header(one, "dlq.offset"))) if len(found) >= len(offsets) else None
    )


def _header(letter: Message, name: str) -> str:
    value = dict(letter.headers() or [])[name]
    return value.decode() if isinstance(value, bytes) else str(value)
