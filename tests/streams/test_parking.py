"""Parking a letter, against a producer that does as it is told: a broker refuses only when it wants to."""

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from infra.telemetry import DEAD_LETTERS as PARKED
from schemas.errors import InvalidEvent
from schemas.topics import DEAD_LETTERS, LETTER_BYTES
from streams.exits import Stopped
from streams.letters import parking
from streams.letters.parking import CUT_BYTES, KafkaDeadLetters, Letter

TOPIC = "rf.engagement.v1"


class Broker:
    """Makes producers. ``refuse``: how many produces are refused, ``raise_first``: how many fail at once."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []
        self.taken: list[tuple[str, bytes | None, bytes, list[Any]]] = []
        self.flushed: list[float] = []
        self.refuse = 0
        self.raise_first = 0
        self._due: list[Callable[[], None]] = []

    def producer(self, config: dict[str, Any]) -> "Broker":
        self.made.append(config)
        return self

    def produce(self, topic: str, value: bytes | None, key: bytes, headers: Any, on_delivery: Any) -> None:
        if self.raise_first:
            self.raise_first -= 1
            raise KafkaException(KafkaError(KafkaError._QUEUE_FULL))
        error = KafkaError(KafkaError._MSG_TIMED_OUT) if self.refuse else None
        self.refuse -= error is not None
        if error is None:
            self.taken.append((topic, value, key, headers))
        self._due.append(lambda: on_delivery(error, None))

    def flush(self, seconds: float) -> int:
        self.flushed.append(seconds)
        for answer in self._due:
            answer()
        self._due.clear()
        return 0


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    found = Broker()
    monkeypatch.setattr(parking, "Producer", found.producer)
    return found


def office(pauses: list[float], patience: int = 100) -> KafkaDeadLetters:
    """One that is told to stop after so many pauses."""

    def wait(seconds: float) -> bool:
        pauses.append(seconds)
        return len(pauses) < patience

    return KafkaDeadLetters({"bootstrap.servers": "b"}, "group", "1.0", wait)


def letter(offset: int, value: bytes | None = b"junk", **given: Any) -> Letter:
    fields: dict[str, Any] = {"key": b"u1", "headers": [("ce_id", b"e1")], "schema_id": 9} | given
    error = InvalidEvent("bad_magic", "d" * 600)
    return Letter(
        TOPIC, 2, offset, 1_234, fields["key"], value, fields["headers"], error, fields["schema_id"]
    )


def counted() -> float:
    return float(PARKED.labels(TOPIC, "bad_magic")._value.get())


def test_a_letter_says_whence_it_comes_and_why(broker: Broker) -> None:
    before = counted()
    office([]).park([letter(7)])
    [(topic, value, key, headers)] = broker.taken
    assert (topic, value, key) == (DEAD_LETTERS, b"junk", TOPIC.encode())
    assert headers == [
        ("ce_id", b"e1"),
        ("dlq.topic", TOPIC),
        ("dlq.partition", "2"),
        ("dlq.offset", "7"),
        ("dlq.timestamp", "1234"),
        ("dlq.stage", "decode"),
        ("dlq.reason", "bad_magic"),
        ("dlq.error", "d" * 500),
        ("dlq.schema_id", "9"),
        ("dlq.group", "group"),
        ("dlq.version", "1.0"),
        ("dlq.attempt", "1"),
        ("dlq.key", b"u1"),
    ]
    assert counted() == before + 1


def test_what_a_message_lacks_is_not_made_up(broker: Broker) -> None:
    office([]).park([letter(7, None, key=None, headers=[], schema_id=None)])
    [(_, value, _, headers)] = broker.taken
    assert value is None
    assert dict(headers)["dlq.schema_id"] == ""
    assert "dlq.key" not in dict(headers)


@pytest.mark.parametrize(("size", "kept"), [(CUT_BYTES, CUT_BYTES), (CUT_BYTES + 1, CUT_BYTES)])
def test_a_value_that_no_letter_could_hold_is_cut_and_says_so(broker: Broker, size: int, kept: int) -> None:
    office([]).park([letter(7, b"x" * size)])
    [(_, value, _, headers)] = broker.taken
    assert len(value or b"") == kept
    assert dict(headers).get("dlq.value_bytes") == (str(size) if size > kept else None)
    assert CUT_BYTES == LETTER_BYTES - 131_072


def test_one_producer_takes_letters_at_once_and_of_the_largest_size(broker: Broker) -> None:
    parking = office([])
    parking.park([letter(1)])
    parking.park([letter(2)])
    assert broker.made == [{"bootstrap.servers": "b", "linger.ms": 0, "message.max.bytes": LETTER_BYTES}]
    assert broker.flushed == [30, 30]


def test_what_was_refused_is_sent_again_by_a_new_producer_and_nothing_twice(broker: Broker) -> None:
    pauses: list[float] = []
    broker.refuse = 1
    office(pauses).park([letter(1), letter(2)])
    assert [dict(headers)["dlq.offset"] for *_, headers in broker.taken] == ["2", "1"]
    assert [dict(headers)["dlq.attempt"] for *_, headers in broker.taken] == ["1", "2"]
    assert (len(broker.made), pauses) == (2, [0.2])


def test_a_full_queue_is_a_refusal_and_pauses_grow_to_five_seconds(broker: Broker) -> None:
    pauses: list[float] = []
    broker.raise_first = 7
    office(pauses).park([letter(1)])
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert [dict(headers)["dlq.attempt"] for *_, headers in broker.taken] == ["8"]


def test_a_worker_that_stops_leaves_the_rest_to_the_next_one(broker: Broker) -> None:
    before, broker.refuse = counted(), 100
    with pytest.raises(Stopped):
        office([], patience=2).park([letter(1)])
    assert counted() == before
