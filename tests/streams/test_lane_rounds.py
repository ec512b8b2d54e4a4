"""A lane's rounds on a consumer's twin: what is handed out to whom, when it pauses, and how it ends."""

import threading
from collections import deque
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest
from confluent_kafka import KafkaError, TopicPartition

from infra.clock import HandClock
from schemas.codec import encode
from streams.batches.decoding import Decoder
from streams.exits import Stopped
from streams.folding.progress import Key
from streams.folding.runner import FoldRunner
from streams.lane import lane as lane_module
from streams.lane.intake import Intake
from streams.lane.lane import FETCH, Lane
from streams.letters.parking import DeadLetterLimit
from tests.builders import liked
from tests.streams.kafka import BOOK, Left, MemoryOffice, RememberingFold, unknown
from tests.streams.twin import Twin

TOPIC, OTHER = "rf.engagement.v1", "rf.feed.v1"
A: Key = (TOPIC, 0)
BODY = encode(liked("u", "v", 1), BOOK)


class Message:
    def __init__(self, offset: int, value: bytes | None = BODY, code: int | None = None) -> None:
        self._offset, self._value, self._code = offset, value, code

    def error(self) -> KafkaError | None:
        return None if self._code is None else KafkaError(self._code)

    def topic(self) -> str:
        return TOPIC

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def value(self) -> bytes | None:
        return self._value

    def key(self) -> bytes:
        return b"u"

    def headers(self) -> None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return 2, 1_000


class Channel:
    """Takes so many batches."""

    def __init__(self) -> None:
        self.room = 100
        self.taken: list[Any] = []
        self.busy = False

    def offer(self, flush: Any, loop: object) -> bool:
        if len(self.taken) >= self.room:
            return False
        self.taken += flush
        return True

    def spans(self) -> list[tuple[int, int]]:
        return [(span.start, span.next) for one in self.taken for span in one.batch.spans]


class Site:
    """A lane of two folds of which one reads another topic; it stops when its rounds are over."""

    def __init__(self) -> None:
        self.stopping, self.left = threading.Event(), list[tuple[int, str]]()
        self.twin = Twin({A: (0, 10)})
        decoder = Decoder(BOOK, unknown, lambda seconds: False)
        self.office = MemoryOffice()
        self.intake = Intake(decoder, DeadLetterLimit(in_a_row=2), self.office, 100, 0.0)
        self.lane = Lane(
            "sink",
            {"group.instance.id": "sink-0"},
            self.intake,
            self.stopping,
            leave=self.leave,
            make_consumer=self.make,
        )
        self.channels = [Channel(), Channel()]
        for name, topics, channel in zip("ab", ((TOPIC,), (OTHER,)), self.channels, strict=True):
            fold = RememberingFold(name, topics, {})
            runner = FoldRunner(fold, self.lane.seek, HandClock(), leave=self.leave)
            self.lane.add(runner, channel)  # type: ignore[arg-type]

    def make(self, config: dict[str, Any]) -> Any:
        self.config = config
        return self.twin

    def leave(self, code: int, line: str, error: BaseException | None = None) -> NoReturn:
        self.left.append((code, line))
        raise Left(line)

    def assigned(self) -> None:
        assert self.lane.assignment is not None
        self.lane.assignment._assigned(self.twin, [TopicPartition(*A)])  # type: ignore[arg-type]

    def run(self, *rounds: Any) -> None:
        self.twin.rounds = [self.assigned, *rounds, self.stopping.set]
        try:
            self.lane._run(cast(Any, None))  # the channels here need no loop
        except Left:
            pass
        finally:
            for outlet in self.lane.outlets:
                outlet.runner.close()

    def names(self) -> list[str]:
        return [name for name, _ in self.twin.calls]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "PATIENCE_S", 0.01)


def test_what_is_read_goes_to_the_folds_of_its_topic_and_the_consumer_is_closed() -> None:
    site = Site()
    site.run([Message(0), Message(1)], [Message(2)])
    first, second = site.channels
    assert first.spans() == [(0, 2), (2, 3)]
    assert second.spans() == []
    assert site.twin.calls[0] == ("subscribe", ([TOPIC, OTHER], ["on_assign", "on_lost", "on_revoke"]))
    assert site.twin.calls[-1] == ("close", None)
    assert site.left == []


def test_a_lane_beats_at_once_and_then_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    site, clock = Site(), [100.0]
    monkeypatch.setattr(lane_module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    site.twin.cached[A] = (0, 44)
    site.run([Message(0)], [], [], lambda: clock.__setitem__(0, 101.0))
    assert site.names().count("commit") == 2
    assert site.lane.assignment is not None
    assert site.lane.assignment.held[A].high == 44


@pytest.mark.parametrize(("quiet_s", "end"), [(2.9, 10), (3.0, 99)])
def test_a_lane_that_fetches_nothing_for_a_while_asks_whether_there_is_nothing(
    monkeypatch: pytest.MonkeyPatch, quiet_s: float, end: int
) -> None:
    site, clock = Site(), [100.0]
    monkeypatch.setattr(lane_module, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    def later() -> None:
        site.twin.bounds[A] = (0, 99)
        clock[0] += quiet_s

    site.run([Message(0)], later, [])
    assert site.lane.assignment is not None
    assert site.lane.assignment.held[A].high == end


def test_behind_a_full_channel_batches_grow_then_it_pauses_and_goes_on_when_there_is_room() -> None:
    site = Site()
    site.intake.batch_rows = 2
    site.channels[0].room = 1

    def make_room() -> None:
        assert site.names()[-1] == "pause"
        site.channels[0].room = 9

    site.run([Message(0)], [Message(1)], [Message(2)], [Message(3)], make_room, [])
    assert site.channels[0].spans() == [(0, 1), (1, 2), (2, 4)]
    assert site.names().count("pause") == 2
    assert site.names()[site.names().index("pause", 3) + 1 :].count("resume") == 1


def test_while_folds_are_busy_a_batch_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site()
    site.intake.batch_age_s = 0.5
    site.channels[0].busy = True
    site.run([Message(0)], [Message(1)], lambda: setattr(site.channels[0], "busy", False), [])
    assert site.channels[0].spans() == [(0, 2)]
    full = Site()
    full.intake.batch_age_s, full.intake.batch_rows = 9.0, 10_000
    full.run([Message(offset) for offset in range(FETCH)], [])
    assert full.channels[0].spans() == [(0, FETCH)]


@pytest.mark.parametrize(
    ("round_", "code", "line"),
    [
        ([Message(at, None) for at in range(3)], 65, "look at them before going on"),
        ([Message(0, code=KafkaError._FATAL)], 76, "lane sink (sink-0)"),
        (lambda: 1 / 0, 70, "lane sink failed: ZeroDivisionError"),
    ],
)
def test_an_end_has_its_code_and_its_sentence(round_: Any, code: int, line: str) -> None:
    site = Site()
    site.run(round_, [])
    [(was, said)] = site.left
    assert was == code
    assert line in said
    assert site.twin.calls[-1] == ("close", None)


def test_a_log_that_ends_before_the_position_ends_the_worker() -> None:
    site = Site()
    site.lane.outlets[0].runner.fold.ledger.positions[A] = 99  # type: ignore[attr-defined]
    site.run([])
    assert [code for code, _ in site.left] == [78]


def test_a_stop_in_the_middle_of_a_wait_is_no_failure() -> None:
    site = Site()

    def stop() -> None:
        raise Stopped

    site.run(stop)
    assert site.left == []
    assert site.twin.calls[-1] == ("close", None)


def test_brokers_that_are_away_are_known_to_be_and_asked_until_they_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site, seen = Site(), list[bool]()
    monkeypatch.setattr(lane_module, "BEAT_S", 0.0)
    site.twin.answers = False

    def look() -> None:
        seen.append(site.lane.log_down and site.lane.waiting)
        site.twin.answers = True

    commits: list[int] = []
    note = lambda: commits.append(site.names().count("commit"))  # noqa: E731
    site.run(note, [Message(0, code=KafkaError._ALL_BROKERS_DOWN)], look, note, [])
    assert seen == [True]
    assert not site.lane.log_down
    assert commits == [1, 2]


def test_an_offset_out_of_range_is_looked_for_anew() -> None:
    site = Site()
    site.run([Message(0)], [Message(1, code=KafkaError._AUTO_OFFSET_RESET)], [])
    assert site.names().count("seek") == 2
    other = Site()
    other.run([Message(0)], [Message(1, code=KafkaError._TIMED_OUT)], [])
    assert other.names().count("seek") == 1


def test_a_seek_before_the_lane_has_begun_is_nothing() -> None:
    Site().lane.seek(A)


@pytest.mark.parametrize("why", ["sink", "held", "registry", "log", ""])
def test_standing_still_has_known_reasons(why: str) -> None:
    site = Site()
    runner = site.lane.outlets[1].runner
    runner.down = why == "sink"
    if why == "held":
        runner._held_back._waiting[A] = deque()
    site.intake.decoder.waiting, site.lane.log_down = why == "registry", why == "log"
    assert site.lane.waiting is bool(why)


async def test_a_stop_ends_the_thread_and_closes_the_folds() -> None:
    site = Site()
    await site.lane.on_start()
    thread = site.lane._thread
    assert thread is not None
    assert thread.daemon
    await site.lane.on_stop()
    assert not thread.is_alive()
    assert all(outlet.runner._closed for outlet in site.lane.outlets)
    await Site().lane.on_stop()
