"""When a batch is due: by rows, by bytes, by age; soon where a batch is cheap, later where it makes parts."""

from types import SimpleNamespace
from typing import Any

import pytest

from schemas.book import SchemaBook
from schemas.codec import encode
from streams.batches.decoding import Decoder
from streams.lane import intake as intake_module
from streams.lane.assignment import Held
from streams.lane.intake import Intake
from streams.letters.parking import DeadLetterLimit
from tests.builders import liked
from tests.streams.kafka import BOOK, unknown

TOPIC = "rf.engagement.v1"
KEY = (TOPIC, 0)
BODY = encode(liked("u", "v"), BOOK)


class Message:
    def __init__(self, offset: int, value: bytes = BODY, partition: int = 0) -> None:
        self._offset, self._value, self._partition = offset, value, partition

    def topic(self) -> str:
        return TOPIC

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def value(self) -> bytes:
        return self._value

    def key(self) -> bytes:
        return b"u"

    def headers(self) -> None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return 2, 1_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The intake's clock, moved by hand."""

    class Clock:
        now = 100.0

        def monotonic(self) -> float:
            return self.now

    hand = Clock()
    monkeypatch.setattr(intake_module, "time", hand)
    return hand


def intake_of(age_s: float, eager: bool, rows: int = 100) -> tuple[Intake, dict[Any, Held]]:
    decoder = Decoder(SchemaBook.local(), unknown, lambda seconds: True)
    return Intake(decoder, DeadLetterLimit(), None, rows, age_s, eager), {KEY: Held(1, 0, 0)}


def test_an_eager_sink_gets_a_single_event_at_once(clock: Any) -> None:
    intake, held = intake_of(0.02, eager=True)
    assert not intake.due(at_end=True, busy=False)
    intake.take(Message(0), held)  # type: ignore[arg-type]
    assert intake.due(at_end=True, busy=False)
    assert not intake.due(at_end=False, busy=False)
    clock.now += 0.03
    assert intake.due(at_end=False, busy=False)


def test_a_steady_stream_is_handed_on_no_faster_than_its_age(clock: Any) -> None:
    intake, held = intake_of(0.02, eager=True)
    intake.take(Message(0), held)  # type: ignore[arg-type]
    assert len(list(intake.flush(held))) == 1
    clock.now += 0.015
    intake.take(Message(1), held)  # type: ignore[arg-type]
    assert not intake.due(at_end=True, busy=False)
    clock.now += 0.006
    assert intake.due(at_end=True, busy=False)


def test_a_sink_whose_batches_make_parts_gets_them_at_their_age(clock: Any) -> None:
    intake, held = intake_of(0.15, eager=False)
    intake.take(Message(0), held)  # type: ignore[arg-type]
    assert not intake.due(at_end=True, busy=False)
    clock.now += 0.16
    assert intake.due(at_end=True, busy=False)
    assert not intake.due(at_end=True, busy=True)
    assert not intake.due(at_end=False, busy=False)
    clock.now += 1.0
    assert intake.due(at_end=False, busy=False)
    assert intake.due(at_end=True, busy=True)


def test_behind_and_with_folds_at_work_batches_grow_but_not_for_ever(clock: Any) -> None:
    intake, held = intake_of(0.02, eager=True)
    intake.take(Message(0), held)  # type: ignore[arg-type]
    clock.now += 2.0
    assert not intake.due(at_end=False, busy=True)
    assert intake.due(at_end=True, busy=True)
    assert intake.due(at_end=False, busy=False)
    clock.now += 4.0
    assert intake.due(at_end=False, busy=True)


def test_a_large_run_goes_alone_and_the_others_go_on_growing(clock: Any) -> None:
    intake, held = intake_of(10.0, eager=False, rows=3)
    held[TOPIC, 1] = Held(2, 0, 0)
    for offset in range(2):
        intake.take(Message(offset, partition=1), held)  # type: ignore[arg-type]
        intake.take(Message(offset), held)  # type: ignore[arg-type]
    assert not intake.full
    intake.take(Message(2), held)  # type: ignore[arg-type]
    assert intake.full
    assert intake.due(at_end=False, busy=True)
    [large] = intake.flush(held)
    assert ([(one.partition, one.next) for one in large.batch.spans], large.epochs) == ([(0, 3)], [1])
    assert not intake.full
    intake.take(Message(3), held)
    [rest] = intake.flush(held)
    assert [(one.partition, one.start, one.next) for one in rest.batch.spans] == [(0, 3, 4), (1, 0, 2)]
    assert rest.epochs == [1, 2]
    assert list(intake.flush(held)) == []


def test_small_runs_go_together_up_to_a_batch_of_rows_and_each_keeps_its_own_dead_letters(clock: Any) -> None:
    intake, held = intake_of(10.0, eager=False, rows=4)
    parked: list[Any] = []
    intake.office = SimpleNamespace(park=parked.extend)
    for partition in range(4):
        held[TOPIC, partition] = Held(1, 0, 0)
        intake.take(Message(0, partition=partition), held)  # type: ignore[arg-type]
        intake.take(Message(1, b"no event", partition), held)  # type: ignore[arg-type]
    flushes = [[one.partition for one in handouts.batch.spans] for handouts in intake.flush(held)]
    assert flushes == [[0, 1], [2, 3]]
    assert [(letter.partition, letter.offset) for letter in parked] == [(n, 1) for n in range(4)]
    assert {(letter.key, letter.headers) for letter in parked} == {(b"u", ())}


def test_the_eldest_of_what_is_buffered_tells_the_age_and_what_was_handed_on_does_not(clock: Any) -> None:
    intake, held = intake_of(1.0, eager=False)
    held[TOPIC, 1] = Held(1, 0, 0)
    intake.take(Message(0), held)  # type: ignore[arg-type]
    clock.now += 0.9
    intake.take(Message(0, partition=1), held)  # type: ignore[arg-type]
    clock.now += 0.2
    assert intake.due(at_end=True, busy=False)
    assert len(list(intake.flush(held))) == 1
    assert intake.due(at_end=True, busy=False) is False
    intake.take(Message(1, partition=1), held)  # type: ignore[arg-type]
    clock.now += 0.5
    assert not intake.due(at_end=True, busy=False)


def test_a_fetch_waits_no_longer_than_a_batch_may_and_memory_is_bounded() -> None:
    found = [
        intake_of(1.0, eager=eager, rows=rows)[0].rows_at_once for eager in (True, False) for rows in (7, 900)
    ]
    assert found == [7, 500, 7, 900]
    assert [intake_of(age_s, eager=True)[0].poll_s for age_s in (0, 0.002, 0.02)] == [0.001, 0.002, 0.01]
    assert (intake_module.MAX_BYTES, intake_module.BEHIND_S) == (33_554_432, 5.0)


def test_huge_messages_are_handed_on_before_they_fill_the_memory(
    clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "MAX_BYTES", 3 * len(BODY))
    intake, held = intake_of(10.0, eager=False)
    for offset in range(2):
        intake.take(Message(offset), held)  # type: ignore[arg-type]
    assert not intake.due(at_end=True, busy=True)
    intake.take(Message(2), held)  # type: ignore[arg-type]
    assert intake.due(at_end=True, busy=True)
    [handout] = intake.flush(held)
    assert len(handout.batch) == 3
    held[KEY].next = 0
    intake.take(Message(0), held)  # type: ignore[arg-type]
    intake.forget(KEY)
    for offset in range(1, 3):
        intake.take(Message(offset), held)  # type: ignore[arg-type]
    assert not intake.due(at_end=True, busy=True)


def test_what_lies_behind_the_place_or_elsewhere_is_not_taken(clock: Any) -> None:
    intake, held = intake_of(0.0, eager=True)
    held[KEY].next = 5
    intake.take(Message(4), held)  # type: ignore[arg-type]
    intake.take(Message(5), {})  # type: ignore[arg-type]
    assert list(intake.flush(held)) == []
