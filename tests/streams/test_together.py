"""Partitions of a topic folded in one step: when it is done, and when it is not."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.clock import HandClock
from projections.memory_ledger import MemoryFold
from schemas.batch import RecordBatch, TopicBatch
from schemas.book import SchemaBook
from schemas.codec import HEADER, encode
from streams.batches.assembling import assemble, assemble_together
from streams.batches.runs import Run
from streams.folding.handouts import Handout, Handouts
from streams.folding.hold import FREE
from streams.folding.progress import Key, Progress
from streams.folding.runner import FoldRunner
from streams.lane.memory import MemoryLog
from tests.builders import followed, liked, shared
from tests.streams.kafka import RememberingFold, until

TOPIC = "rf.engagement.v1"
KEYS: list[Key] = [(TOPIC, partition) for partition in range(3)]
BOOK = SchemaBook.local()
VALUES: list[bytes | None] = [
    encode(make(f"u{n}", "v", n), BOOK) for n in range(3) for make in (liked, shared)
]
BROKEN: list[bytes | None] = [None, b"", b"{}", (VALUES[0] or b"")[:-2]]


class Counting(RememberingFold):
    """Counts its steps: how many partitions each took."""

    def __init__(self, positions: dict[Key, int] | None = None) -> None:
        super().__init__("f", (TOPIC,), positions or {})
        self.steps: list[int] = []

    def apply_together(self, batch: TopicBatch, expected: Sequence[int | None]) -> None:
        self.steps.append(len(batch.spans))
        super().apply_together(batch, expected)


class Site:
    """A runner of this fold over three partitions of four records each."""

    def __init__(self, fold: MemoryFold) -> None:
        self.log, self.sought = MemoryLog(partitions=3), list[Key]()
        for n in range(60):
            self.log.append(liked(f"u{n}", "v", n), appended_at=n)
        self.runner = FoldRunner(fold, self.sought.append, HandClock())
        for key in KEYS:
            self.runner.start(key, self.log.partition(*key), 1)

    def flush(self, start: int, count: int, epoch: int = 1) -> Handouts:
        """Of every partition these offsets."""
        return Handouts.of(*(Handout(self.log.read(key, start, count)[0], epoch) for key in KEYS))

    def positions(self) -> list[int | None]:
        return [self.runner.position(key) for key in KEYS]


async def test_partitions_of_a_flush_are_folded_in_one_step() -> None:
    site = Site(fold := Counting())
    await site.runner.handle(site.flush(0, 2))
    await site.runner.handle(site.flush(2, 2))
    assert fold.steps == [3, 3]
    assert site.positions() == [4, 4, 4]
    assert len(fold.ids()) == len(set(fold.ids())) == 12
    assert site.sought == []


async def test_what_a_partition_has_seen_already_is_not_folded_again() -> None:
    site = Site(fold := Counting())
    await site.runner.handle(site.flush(0, 2))
    await site.runner.handle(site.flush(0, 4))
    assert fold.steps == [3]
    assert site.positions() == [4, 4, 4]
    assert len(fold.ids()) == len(set(fold.ids())) == 12


async def test_a_flush_of_another_epoch_is_stale() -> None:
    site = Site(fold := Counting())
    await site.runner.handle(site.flush(0, 2, epoch=2))
    assert (fold.steps, fold.ids(), site.sought) == ([], [], [])


async def test_a_gap_is_sought_only_where_it_is() -> None:
    site = Site(fold := Counting())
    await site.runner.handle(Handouts.of(Handout(site.log.read(KEYS[1], 0, 2)[0], 1)))
    await site.runner.handle(site.flush(2, 2))
    assert (fold.steps, site.sought) == ([], [KEYS[0], KEYS[2]])
    assert site.positions() == [0, 4, 0]


async def test_a_store_that_moved_on_in_one_partition_is_found_out_there_alone() -> None:
    site = Site(fold := Counting())
    fold.ledger.positions[KEYS[2]] = 2
    await site.runner.handle(site.flush(0, 2))
    assert site.sought[-1] == KEYS[2]
    for key in site.sought:
        site.runner.start(key, site.log.partition(*key), 1)
    await site.runner.handle(site.flush(0, 4))
    assert site.positions() == [4, 4, 4]
    assert len(fold.ids()) == len(set(fold.ids())) == 10, "the two that somebody else folded are not"


async def test_a_store_that_is_away_is_waited_for() -> None:
    site = Site(fold := Counting())
    fold.away = True
    waiting = asyncio.create_task(site.runner.handle(site.flush(0, 2)))
    await until(lambda: site.runner.down)
    assert not waiting.done()
    fold.away = False
    await waiting
    assert (site.positions(), site.runner.down, site.sought) == ([2, 2, 2], False, [])


async def test_a_partition_that_is_held_stays_behind_and_the_others_go_on() -> None:
    site = Site(fold := Counting())
    bounds: dict[Key, int | None] = {KEYS[0]: None, KEYS[1]: 1, KEYS[2]: 2}
    site.runner.bound = bounds.__getitem__
    await site.runner.handle(site.flush(0, 2))
    await site.runner.handle(site.flush(2, 2))
    assert (site.positions(), fold.steps) == ([4, 1, 2], [3])
    bounds |= {KEYS[1]: None, KEYS[2]: None}
    await until(lambda: not site.runner.held)
    assert site.positions() == [4, 4, 4]
    assert len(fold.ids()) == len(set(fold.ids())) == 12


async def test_what_came_during_a_hold_is_folded_in_few_steps() -> None:
    """As it came it would take longer than the hold did, and under load it would never be done."""
    site = Site(fold := Counting())
    site.runner.bound = lambda key: 1
    for at in range(12):
        await site.runner.handle(site.flush(at, 1))
    assert (site.positions(), fold.steps) == ([1, 1, 1], [3])
    site.runner.bound = FREE
    await until(lambda: not site.runner.held)
    assert site.positions() == [12, 12, 12]
    assert fold.steps == [3, 3], "one for all of it"
    assert all([offset for offset, _ in rows] == list(range(12)) for rows in fold.seen.values())


async def test_what_was_read_anew_during_a_hold_is_folded_once() -> None:
    """A seek begins another epoch: what waits of the one before is stale, and joins nothing."""
    site = Site(fold := Counting())
    site.runner.bound = lambda key: 0
    await site.runner.handle(site.flush(0, 4))
    for key in KEYS:
        site.runner.start(key, site.log.partition(*key), 2)
    await site.runner.handle(site.flush(4, 4))
    await site.runner.handle(site.flush(0, 6, epoch=2))
    site.runner.bound = FREE
    await until(lambda: not site.runner.held)
    assert (site.positions(), site.sought) == ([6, 6, 6], [])
    assert len(fold.ids()) == len(set(fold.ids())) == 18


async def test_a_flush_after_the_end_is_left_to_the_next_worker() -> None:
    site = Site(fold := Counting())
    site.runner.close()
    await site.runner.handle(site.flush(0, 2))
    assert (fold.steps, fold.ids()) == ([], [])


def test_a_step_says_whether_it_was_taken_and_an_empty_flush_is_none() -> None:
    site = Site(fold := Counting())
    progress = Progress(fold)
    for key in KEYS:
        progress.start(key, site.log.partition(*key), 1)
    assert progress.together(site.flush(0, 2)) is True
    assert progress.together(site.flush(0, 2)) is False
    empty = Handouts.of(*(Handout(RecordBatch(*key, 2, 2), 1) for key in KEYS))
    assert progress.together(empty) is False
    assert fold.steps == [3]


def test_reasons_are_named_and_a_partition_without_records_has_no_clock() -> None:
    run, empty = Run(TOPIC, 0, 0), Run(TOPIC, 1, 5)
    wrong = encode(followed("a", "b"), BOOK)
    for offset, value in enumerate([None, wrong, HEADER.pack(0, 4_711) + b"x", VALUES[0]]):
        run.add(offset, 1_000, value)
    empty.add(5, 2_000, None)
    whole, (bad, none) = assemble_together([run, empty], BOOK.by_id)
    assert [(one.error.reason, one.error.stage) for one in bad] == [
        ("no_value", "decode"), ("wrong_topic", "validate"), ("unknown_schema", "decode"),
    ]  # fmt: skip
    assert "the message has no value" in str(bad[0].error)
    assert "4711" in str(bad[2].error)
    assert [one.clock for one in whole.spans] == [1_000, 0]
    assert [one.error.reason for one in none] == ["no_value"]


runs = st.lists(st.lists(st.sampled_from([*VALUES, *BROKEN]), max_size=8), min_size=1, max_size=4)


def fetched_of(contents: list[list[bytes | None]]) -> list[Run]:
    """A run of each partition from offset 3 on; the broker's clock goes back in all but the first."""
    fetched = []
    for partition, values in enumerate(contents):
        run = Run(TOPIC, partition, 3)
        for offset, value in enumerate(values, 3):
            run.add(offset, 1_000 - offset * partition, value)
        fetched.append(run)
    return fetched


@given(runs)
def test_runs_decoded_together_are_as_one_by_one(contents: list[list[bytes | None]]) -> None:
    fetched = fetched_of(contents)
    whole, invalid = assemble_together(fetched, BOOK.by_id)
    for run, batch, span, bad in zip(fetched, whole.batches(), whole.spans, invalid, strict=True):
        alone, bad_alone = assemble(run, BOOK.by_id)
        assert batch.rows() == alone.rows()
        assert (batch.partition, batch.start, batch.next) == (alone.partition, alone.start, alone.next)
        assert (span.clock, batch.clock) == (alone.clock, alone.clock)
        assert [(one.index, str(one.error)) for one in bad] == [
            (one.index, str(one.error)) for one in bad_alone
        ]


@given(
    runs,
    st.sampled_from([{"video.liked"}, {"video.shared"}, {"video.liked", "video.shared"}, {"view.ended"}]),
)
def test_what_no_fold_looks_at_is_passed_by(contents: list[list[bytes | None]], looked_at: set[str]) -> None:
    """As if all had been decoded and the others left out: the same offsets, rows and clocks."""
    fetched = fetched_of(contents)
    whole, invalid = assemble_together(fetched, BOOK.by_id)
    some, still_invalid = assemble_together(fetched, BOOK.by_id, frozenset(looked_at))
    expected = whole.only(looked_at)
    assert some.spans == expected.spans
    assert some.rows() == expected.rows()
    for one, other, span in zip(some.batches(), whole.batches(), some.spans, strict=True):
        assert (one.rows(), one.clock) == (other.only(looked_at).rows(), span.clock)
    for found, known in zip(still_invalid, invalid, strict=True):
        assert {one.index for one in found} <= {one.index for one in known}


def test_a_type_that_does_not_belong_on_the_topic_is_found_though_nobody_looks_at_it() -> None:
    run = Run(TOPIC, 0, 0)
    run.add(0, 1_000, encode(followed("a", "b"), BOOK))
    _, (bad,) = assemble_together([run], BOOK.by_id, frozenset({"video.liked"}))
    assert [one.error.reason for one in bad] == ["wrong_topic"]


@pytest.mark.parametrize("rows", [1, 5, 100])
def test_a_topic_batch_tells_its_partitions_apart_again(rows: int) -> None:
    log = Site(Counting()).log
    batches = [log.read(key, 0, rows)[0] for key in KEYS]
    whole = TopicBatch.of(batches)
    assert len(whole) == sum(map(len, batches))
    assert [one.rows() for one in whole.batches()] == [one.rows() for one in batches]
