"""The decoder asks the registry for ids that the book does not know, once, and waits while it is away."""

from collections.abc import Callable

import pytest

from infra.registry import RegistryUnavailable
from schemas.book import SchemaBook
from schemas.catalogue import EventSchema, latest
from schemas.codec import HEADER, encode
from schemas.errors import UnknownSchema
from streams.batches.decoding import Decoder
from streams.batches.runs import Run
from streams.exits import Stopped
from tests.builders import liked, shared

TOPIC = "rf.engagement.v1"
BOOK = SchemaBook.local()
KNOWN = encode(liked("u", "v"), BOOK)
NEW_ID = 4_711
NEW = HEADER.pack(0, NEW_ID) + encode(shared("u", "v"), BOOK)[HEADER.size :]


class Registry:
    """Answers after so many refusals; counts what it is asked."""

    def __init__(self, away: int = 0, knows: EventSchema | None = latest("video.shared")) -> None:
        self.away = away
        self.knows = knows
        self.asked: list[int] = []

    def lookup(self, schema_id: int) -> EventSchema:
        self.asked.append(schema_id)
        if self.away:
            self.away -= 1
            raise RegistryUnavailable("away")
        if self.knows is None:
            raise UnknownSchema(schema_id)
        return self.knows


def decoder_of(registry: Registry, wait: Callable[[float], bool] = lambda _: True) -> Decoder:
    return Decoder(BOOK, registry.lookup, wait)


def run_of(*values: bytes, partition: int = 0) -> Run:
    run = Run(TOPIC, partition, 0)
    for offset, value in enumerate(values):
        run.add(offset, 1_000, value)
    return run


def test_what_the_book_knows_is_asked_of_nobody() -> None:
    registry = Registry()
    batch, invalid = decoder_of(registry).assemble(run_of(KNOWN, KNOWN))
    assert (len(batch), invalid, registry.asked) == (2, [], [])


def test_a_new_id_is_asked_once_for_all_runs_and_remembered() -> None:
    decoder = decoder_of(registry := Registry())
    runs = [run_of(NEW, KNOWN), run_of(KNOWN, NEW, NEW, partition=1)]
    batch, invalid = decoder.assemble_together(runs)
    assert (len(batch), invalid, registry.asked) == (5, [[], []], [NEW_ID])
    assert decoder.assemble(run_of(NEW))[0].frames["video.shared"].height == 1
    assert registry.asked == [NEW_ID]
    assert not decoder.waiting


def test_an_id_that_nobody_knows_is_a_dead_letter_and_its_neighbours_are_not() -> None:
    registry = Registry(knows=None)
    batch, invalid = decoder_of(registry).assemble(run_of(KNOWN, NEW))
    assert (len(batch), [one.index for one in invalid], registry.asked) == (1, [1], [NEW_ID])


def test_what_an_id_meant_when_it_was_written_stands_before_the_book() -> None:
    registry = Registry()
    batch, _ = decoder_of(registry).assemble(run_of(NEW, KNOWN), {NEW_ID: latest("video.shared")})
    assert (len(batch), registry.asked) == (2, [])
    wrong = {BOOK.id_of("video.liked"): latest("user.followed")}
    batch, invalid = decoder_of(registry).assemble(run_of(KNOWN), wrong)
    assert (len(batch), len(invalid)) == (0, 1)


def test_a_registry_that_is_away_is_waited_for_with_growing_pauses_and_says_so() -> None:
    pauses: list[float] = []
    waiting: list[bool] = []

    def wait(seconds: float) -> bool:
        pauses.append(seconds)
        waiting.append(decoder.waiting)
        return True

    decoder = decoder_of(Registry(away=7), wait)
    assert not decoder.waiting
    assert len(decoder.assemble(run_of(NEW))[0]) == 1
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert all(waiting)
    assert not decoder.waiting


def test_a_worker_that_stops_waits_no_longer() -> None:
    decoder = decoder_of(Registry(away=100), lambda _: False)
    with pytest.raises(Stopped):
        decoder.assemble(run_of(NEW))
    assert not decoder.waiting
