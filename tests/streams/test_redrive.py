"""Dead letters listed, shown, sent again and given up, by the command on a real broker."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from typer.testing import CliRunner, Result

from infra.cli.dlq import dlq
from infra.kafka.config import connection, producer
from infra.registry import RegistryUnavailable, save_book
from infra.settings import Settings
from schemas.book import SchemaBook
from schemas.codec import encode
from schemas.errors import InvalidEvent, UnknownSchema
from streams.letters.parking import CUT_BYTES, KafkaDeadLetters, Letter
from streams.letters.reading import NotAPlace, Parked, Place
from streams.letters.redrive import PIECE, Judge, Selection, discard, redrive
from tests.builders import followed, liked
from tests.streams.kafka import BOOK, Log

TOPIC = "rf.graph.v1"
EVENT = encode(followed("ann", "ben", 1), BOOK)
HEADERS: list[tuple[str, Any]] = [("ce_id", b"e1"), ("dlq.topic", b"an original's own"), ("empty", None)]
Run = Callable[..., Result]


def placed(offset: int) -> str:
    return f"{TOPIC}:1:{offset}"


def letter(offset: int, value: bytes | None, reason: str = "unknown_schema") -> Letter:
    error = InvalidEvent(reason, "so it was")
    return Letter(TOPIC, 1, offset, 1_234, b"ann", value, HEADERS, error, 9)


@pytest.fixture
def run(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command, with a book that knows every schema; no registry answers."""
    save_book(Settings(data=tmp_path), BOOK)
    monkeypatch.setenv("REELFOLD_KAFKA_BOOTSTRAP", log.settings.kafka_bootstrap)
    monkeypatch.setenv("REELFOLD_DATA", str(tmp_path))
    monkeypatch.setenv("REELFOLD_REGISTRY_URL", "http://127.0.0.1:1")
    return lambda *words: CliRunner().invoke(dlq, words)


def ours(run: Run) -> dict[str, tuple[int, int, int]]:
    """Reason -> (letters, first, last), of this test's topic."""
    listed = json.loads(run("list", "--json").stdout)["groups"]
    return {
        one["reason"]: (one["letters"], one["first_offset"], one["last_offset"])
        for one in listed
        if (one["topic"], one["partition"]) == (TOPIC, 1)
    }


def since(log: Log, before: dict[tuple[str, int], int]) -> list[Message]:
    """What was appended to the original's partition."""
    reader = Consumer(connection(log.settings) | {"group.id": "read", "enable.auto.commit": False})
    start, end = before[TOPIC, 1], log.ends(TOPIC)[TOPIC, 1]
    reader.assign([TopicPartition(TOPIC, 1, start)])
    found: list[Message] = []
    while len(found) < end - start:
        found += reader.consume(end - start, timeout=1.0)
    reader.close()
    return found


@pytest.mark.servers
def test_letters_are_listed_shown_sent_again_once_and_given_up(log: Log, run: Run) -> None:
    office = KafkaDeadLetters(producer(log.settings), "group", "1.0", lambda seconds: True)
    broken, huge = EVENT[:-9], b"x" * (CUT_BYTES + 1)
    office.park([letter(1, EVENT), letter(2, EVENT), letter(3, broken, "undecodable"), letter(4, huge)])
    office.park([letter(1, EVENT)])  # by a worker that died before it went on
    before = log.ends(TOPIC)
    assert ours(run) == {"unknown_schema": (3, 1, 4), "undecodable": (1, 3, 3)}
    assert TOPIC in run("list").stdout

    shown = json.loads(run("show", placed(3), "--json").stdout)
    assert shown["hex"] == broken.hex()
    assert shown["headers"][:2] == [["ce_id", "e1"], ["dlq.topic", "an original's own"]]
    assert (shown["event"]["actor_id"], shown["key"], shown["state"]) == ("ann", "ann", "open")
    assert "undecodable" in run("show", placed(3)).stdout

    told = run("redrive", "--topic", TOPIC, "--json")
    done = json.loads(told.stdout)
    assert told.exit_code == 1
    assert done["redriven"] == [placed(1), placed(2)]
    assert "still cannot be read: undecodable" in done["refused"][placed(3)]
    assert f"{CUT_BYTES + 1} bytes" in done["refused"][placed(4)]
    sent = since(log, before)
    assert [(one.value(), one.key(), one.headers()) for one in sent] == [(EVENT, b"ann", HEADERS)] * 2

    again = run("redrive", placed(1))
    assert (again.exit_code, again.stdout) == (0, "0 redriven, 1 settled before\n")
    assert len(since(log, before)) == 2
    assert run("discard", placed(3), "--because", "a test").stdout == "1 discarded\n"
    assert ours(run) == {"unknown_schema": (1, 4, 4)}
    assert json.loads(run("show", placed(3), "--json").stdout)["state"].startswith("discarded 2")
    assert run("discard", "--topic", TOPIC, "--max", "1").exit_code == 0
    assert ours(run) == {}


@pytest.mark.servers
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("redrive",), "say which letters"),
        (("discard", "--all", "--topic", TOPIC), "say it alone"),
        (("redrive", "--topic", "rf.no.v1"), "there is no topic 'rf.no.v1'"),
        (("show", "rf.graph.v1"), "is no place: write topic:partition:offset"),
        (("show", placed(77)), f"no dead letter is from {placed(77)}"),
        (("discard", placed(77)), f"no dead letter is from {placed(77)}"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(run: Run, words: tuple[str, ...], sentence: str) -> None:
    told = run(*words)
    assert told.exit_code in (1, 2)
    assert sentence in told.stderr


def parked(offset: int, value: bytes | None, topic: str = TOPIC) -> Parked:
    return Parked(
        Place(topic, 0, offset), b"k", value, (), "decode", "r", "e", "", 1, 2, "g", "1", len(value or b"")
    )


def judge(book: SchemaBook = BOOK) -> Judge:
    def nobody(schema_id: int) -> Any:
        raise UnknownSchema(schema_id)

    return Judge(book, nobody)


def test_an_id_that_was_unknown_is_asked_of_the_registry_and_its_silence_is_no_refusal() -> None:
    number = int.from_bytes(EVENT[1:5], "big")
    poor = SchemaBook.of((one, schema) for one, schema in BOOK.by_id.items() if one != number)
    assert "no schema has the id" in judge(poor).refusal(parked(1, EVENT))
    assert Judge(poor, BOOK.schema).refusal(parked(1, EVENT)) == ""

    def silent(schema_id: int) -> Any:
        raise RegistryUnavailable("silent")

    with pytest.raises(RegistryUnavailable):
        Judge(poor, silent).refusal(parked(1, EVENT))


def test_an_event_of_another_topic_and_a_record_without_a_value_are_refused() -> None:
    assert "does not belong on rf.graph.v1" in judge().refusal(parked(1, encode(liked("u", "v", 1), BOOK)))
    assert "no_value" in judge().refusal(parked(1, None))


def test_a_bound_is_kept_and_what_was_confirmed_is_told_piece_by_piece() -> None:
    letters, steps = [parked(offset, EVENT) for offset in range(2 * PIECE + 9)], list[tuple[str, int]]()
    report = redrive(
        letters,
        Selection(),
        {},
        2 * PIECE + 2,
        judge(),
        lambda piece: steps.append(("sent", len(piece))),
        lambda places: steps.append(("told", len(places))),
    )
    assert steps == [(what, size) for size in (PIECE, PIECE, 2) for what in ("sent", "told")]
    assert (len(report.settled), report.left) == (2 * PIECE + 2, True)
    given_up = discard(letters, Selection(partition=0), {}, 2 * PIECE, lambda places: None)
    assert (len(given_up.settled), given_up.left) == (2 * PIECE, True)


def test_a_selection_is_all_that_it_names() -> None:
    one = parked(5, EVENT)
    assert one in Selection()
    assert one in Selection(frozenset([one.place]), TOPIC, 0, "r")
    wrong = (
        Selection(topic="rf.feed.v1"),
        Selection(partition=1),
        Selection(reason="other"),
        Selection(frozenset([Place(TOPIC, 0, 6)])),
    )
    assert not any(one in selection for selection in wrong)


@pytest.mark.parametrize("text", ["", "rf.graph.v1", "rf.graph.v1:x:1", "rf.none.v1:0:1", "rf.graph.v1:0:1;"])
def test_only_places_of_our_topics_are_places(text: str) -> None:
    assert Place.parse("rf.graph.v1/0/7") == Place(TOPIC, 0, 7)
    with pytest.raises(NotAPlace, match="topic:partition:offset"):
        Place.parse(text)
