"""What is due of several topics, handed on at once and folded in one step: when it is done, and when not."""

import asyncio
from collections.abc import Sequence
from typing import NoReturn

import pytest

from infra.clock import HandClock
from projections.memory_ledger import MemoryFold
from schemas.batch import TopicBatch
from streams.folding.handouts import Handout, Handouts, at_once
from streams.folding.hold import FREE
from streams.folding.progress import Key
from streams.folding.runner import FoldRunner
from streams.folds import LateFold
from streams.lane.memory import MemoryLog
from tests.builders import followed, liked
from tests.streams.kafka import Left, RememberingFold, until

LIKES, GRAPH = "rf.engagement.v1", "rf.graph.v1"
KEYS: list[Key] = [(topic, partition) for topic in (GRAPH, LIKES) for partition in range(2)]


class Counting(RememberingFold):
    """Counts its steps: of how many topics each was, and how many partitions."""

    def __init__(self) -> None:
        super().__init__("f", (GRAPH, LIKES), {})
        self.steps: list[list[int]] = []

    def apply_topics(self, batches: Sequence[TopicBatch], expected: Sequence[Sequence[int | None]]) -> None:
        self.steps.append([len(one.spans) for one in batches])
        for batch, before in zip(batches, expected, strict=True):
            super().apply_together(batch, before)

    def apply_together(self, batch: TopicBatch, expected: Sequence[int | None]) -> None:
        self.steps.append([len(batch.spans)])
        super().apply_together(batch, expected)


class OneTopic(RememberingFold):
    """A fold that knows nothing of several topics."""

    apply_topics = None  # type: ignore[assignment]


class Site:
    """A runner of this fold over two partitions of each of two topics."""

    def __init__(self, fold: MemoryFold) -> None:
        self.log, self.sought = MemoryLog(partitions=2), list[Key]()
        for n in range(60):
            self.log.append(liked(f"u{n}", "v", n), appended_at=n)
            self.log.append(followed(f"u{n}", "u", n), appended_at=n)
        self.runner = FoldRunner(fold, self.sought.append, HandClock())
        for key in KEYS:
            self.runner.start(key, self.log.partition(*key), 1)

    def flush(self, start: int, count: int, epoch: int = 1) -> list[Handouts]:
        """Of every partition these offsets, topic by topic."""
        return [
            Handouts.of(
                *(Handout(self.log.read(key, start, count)[0], epoch) for key in KEYS if key[0] == topic)
            )
            for topic in (GRAPH, LIKES)
        ]

    def positions(self) -> list[int | None]:
        return [self.runner.position(key) for key in KEYS]


async def test_topics_that_are_due_are_folded_in_one_step() -> None:
    site = Site(fold := Counting())
    await site.runner.handle(*site.flush(0, 2))
    await site.runner.handle(*site.flush(2, 2))
    assert fold.steps == [[2, 2], [2, 2]]
    assert (site.positions(), site.sought) == ([4, 4, 4, 4], [])
    assert len(fold.ids()) == len(set(fold.ids())) == 16


async def test_a_fold_that_cannot_take_several_topics_gets_them_one_after_the_other() -> None:
    site = Site(fold := OneTopic("f", (GRAPH, LIKES), {}))
    await site.runner.handle(*site.flush(0, 2))
    assert (site.positions(), len(set(fold.ids()))) == ([2, 2, 2, 2], 8)


async def test_what_a_topic_has_seen_already_is_not_folded_again_and_the_other_goes_on() -> None:
    site = Site(fold := Counting())
    graph, likes = site.flush(0, 2)
    await site.runner.handle(graph)
    await site.runner.handle(graph, likes)
    assert fold.steps == [[2], [2]]
    assert site.positions() == [2, 2, 2, 2]
    assert len(fold.ids()) == len(set(fold.ids())) == 8


async def test_a_gap_in_one_topic_is_sought_there_alone() -> None:
    site = Site(fold := Counting())
    (graph, _), (_, later) = site.flush(0, 2), site.flush(2, 2)
    await site.runner.handle(graph, later)
    assert (site.positions(), site.sought, fold.steps) == ([2, 2, 0, 0], KEYS[2:], [[2]])


async def test_a_store_that_moved_on_in_one_partition_is_found_out_there_alone() -> None:
    site = Site(fold := Counting())
    fold.ledger.positions[KEYS[3]] = 1
    await site.runner.handle(*site.flush(0, 2))
    assert site.sought[-1] == KEYS[3]
    for key in site.sought:
        site.runner.start(key, site.log.partition(*key), 1)
    await site.runner.handle(*site.flush(0, 4))
    assert site.positions() == [4, 4, 4, 4]
    assert len(fold.ids()) == len(set(fold.ids())) == 15, "the one that somebody else folded is not"


async def test_a_store_that_is_away_is_waited_for() -> None:
    site = Site(fold := Counting())
    fold.away = True
    waiting = asyncio.create_task(site.runner.handle(*site.flush(0, 2)))
    await until(lambda: site.runner.down)
    assert not waiting.done()
    fold.away = False
    await waiting
    assert (site.positions(), site.runner.down, site.sought) == ([2, 2, 2, 2], False, [])


async def test_a_partition_that_is_held_stays_behind_and_everything_else_goes_on() -> None:
    site = Site(fold := Counting())
    bounds: dict[Key, int | None] = dict.fromkeys(KEYS) | {KEYS[0]: 1}
    site.runner.bound = bounds.__getitem__
    await site.runner.handle(*site.flush(0, 2))
    await site.runner.handle(*site.flush(2, 2))
    assert site.positions() == [1, 4, 4, 4]
    site.runner.bound = FREE
    await until(lambda: not site.runner.held)
    assert site.positions() == [4, 4, 4, 4]
    assert len(fold.ids()) == len(set(fold.ids())) == 16
    await site.runner.handle(*site.flush(4, 1))
    assert fold.steps[-1] == [2, 2], "in one step again"


async def test_a_bug_ends_the_process_and_names_all_that_was_being_folded() -> None:
    site, said = Site(fold := Counting()), list[str]()

    def leave(code: int, line: str, error: BaseException | None = None) -> NoReturn:
        said.append(line)
        raise Left(line)

    site.runner._leave = leave
    fold.broken = ValueError("nobody foresaw this")
    with pytest.raises(Left):
        await site.runner.handle(*site.flush(0, 2))
    [line] = said
    assert line.startswith(f"fold f failed on {GRAPH}/0 [0, 2), 1 [0, 2); {LIKES}/0 [0, 2), 1 [0, 2): Value")


async def test_a_flush_after_the_end_is_left_to_the_next_worker() -> None:
    site = Site(fold := Counting())
    site.runner.close()
    await site.runner.handle(*site.flush(0, 2))
    assert (fold.steps, fold.ids()) == ([], [])


async def test_a_fold_made_late_takes_topics_where_the_fold_itself_does() -> None:
    made = Counting()
    site = Site(LateFold("f", (GRAPH, LIKES), lambda: made))  # type: ignore[arg-type]
    await site.runner.handle(*site.flush(0, 2))
    assert made.steps == [[2, 2]]
    with pytest.raises(TypeError, match="cannot fold topics together"):
        LateFold("f", (), lambda: OneTopic("f", (), {})).apply_topics([], [])


def test_as_many_are_handed_on_at_once_as_come_to_so_many_rows() -> None:
    graph, likes = Site(Counting()).flush(0, 2)
    every = [graph, likes, graph]
    assert [*at_once(every, 0)] == [[graph], [likes], [graph]]
    assert [*at_once(every, 8)] == [[graph, likes], [graph]]
    assert [*at_once(every, 12)] == [every]
    assert [*at_once([], 12)] == []
