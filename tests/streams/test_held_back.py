"""Whatever is held, and whenever: in the end every record is folded once, in order, in few steps."""

import asyncio
from collections import defaultdict, deque
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from schemas.batch import RecordBatch
from streams.folding.handouts import Handout, Handouts
from streams.folding.held_back import HeldBack, _first
from streams.folding.progress import Key
from tests.builders import followed, record_batch
from tests.streams.kafka import until

TOPICS = ("rf.graph.v1", "rf.copy.v1")
LENGTH = 12
BATCHES: dict[Key, RecordBatch] = {
    (topic, partition): record_batch(
        topic, partition, [followed(f"{topic}-{partition}-{n}", "bob", n) for n in range(LENGTH)]
    )
    for topic in TOPICS
    for partition in range(3)
}
bounds = st.sampled_from([None, 0, 3, 7, LENGTH])
flushes = st.tuples(st.sampled_from(TOPICS), st.lists(st.integers(0, 4), min_size=3, max_size=3))
moves = st.tuples(st.sampled_from([*BATCHES]), bounds)


class Folded:
    """Remembers what was folded, and looks whether it may have been."""

    def __init__(self) -> None:
        self.bounds: dict[Key, int | None] = defaultdict(lambda: None)
        self.rows: dict[Key, list[int]] = defaultdict(list)
        self.steps = 0
        self.held_back = HeldBack(self.fold, lambda key: self.bounds[key], lambda: False)

    async def fold(self, handouts: Handouts) -> None:
        self.steps += 1
        for batch in handouts.batch.batches():
            key = (batch.topic, batch.partition)
            self.rows[key] += [int(row["offset"]) for row in batch.rows()]
            assert batch.start < batch.next
            assert len(batch) == batch.next - batch.start
            await asyncio.sleep(0)

    def may(self, key: Key) -> bool:
        bound = self.bounds[key]
        return bound is None or len(self.rows[key]) <= bound


@given(st.lists(flushes | moves, max_size=20))
def test_in_the_end_all_is_folded_once_and_in_order(acts: list[tuple[object, object]]) -> None:
    with patch("streams.folding.held_back.LOOK_S", 0.0):
        asyncio.run(asyncio.wait_for(_act(acts), 20.0))


async def _act(acts: list[tuple[object, object]]) -> None:
    folded, read = Folded(), dict.fromkeys(BATCHES, 0)
    for what, how in acts:
        if isinstance(what, tuple):
            # A hold never asks for less than what is folded: it is placed where folds stand, or further.
            folded.bounds[what] = how if how is None else max(int(str(how)), len(folded.rows[what]))
        elif isinstance(how, list):
            flush = _flush(str(what), how, read)
            if flush is not None:
                await folded.held_back.take(flush)
        await asyncio.sleep(0)
        assert all(folded.may(key) for key in BATCHES)
    folded.bounds.clear()
    await until(lambda: not folded.held_back.any)
    assert {key: rows for key, rows in folded.rows.items() if rows} == {
        key: list(range(at)) for key, at in read.items() if at
    }


def _flush(topic: str, counts: list[int], read: dict[Key, int]) -> Handouts | None:
    parts = []
    for partition, count in enumerate(counts):
        key = (topic, partition)
        end = min(LENGTH, read[key] + count)
        if end > read[key]:
            parts.append(Handout(BATCHES[key].until(end).since(read[key]), 1))
            read[key] = end
    return Handouts.of(*parts) if parts else None


async def test_what_waits_goes_on_in_one_step_a_topic() -> None:
    folded, read = Folded(), dict.fromkeys(BATCHES, 0)
    folded.bounds |= dict.fromkeys(BATCHES, 0)
    for _ in range(LENGTH):
        for topic in TOPICS:
            flush = _flush(topic, [1, 1, 1], read)
            assert flush is not None
            await folded.held_back.take(flush)
    assert (folded.steps, len(folded.held_back)) == (0, LENGTH * len(BATCHES))
    folded.bounds |= dict.fromkeys(BATCHES, 5)
    await until(lambda: all(len(rows) == 5 for rows in folded.rows.values()) and len(folded.rows) == 6)
    assert folded.steps == len(TOPICS)
    folded.bounds.clear()
    await until(lambda: not folded.held_back.any)
    assert folded.steps == 2 * len(TOPICS)
    assert all(rows == list(range(LENGTH)) for rows in folded.rows.values())


def test_what_does_not_follow_is_not_joined() -> None:
    batch = BATCHES["rf.graph.v1", 0]
    kept = deque(
        Handout(batch.until(end).since(start), epoch)
        for start, end, epoch in [(0, 2, 1), (2, 5, 1), (5, 6, 2), (7, 8, 2), (8, 9, 2)]
    )
    found = [_first(kept) for _ in range(3)]
    where = [(one.batch.start, one.batch.next, one.epoch) for one in found]
    assert where == [(0, 5, 1), (5, 6, 2), (7, 9, 2)]
    assert not kept


async def test_what_is_left_of_a_step_comes_before_what_came_meanwhile() -> None:
    folded, read, key = Folded(), dict.fromkeys(BATCHES, 0), ("rf.graph.v1", 0)
    goes_on = asyncio.Event()

    async def slow(handouts: Handouts) -> None:
        await goes_on.wait()
        await Folded.fold(folded, handouts)

    folded.held_back.fold = slow
    folded.bounds[key] = 0
    await folded.held_back.take(_of(key, 6, read))
    folded.bounds[key] = 3
    await asyncio.sleep(0.05)  # a step up to there has begun
    await folded.held_back.take(_of(key, 4, read))
    goes_on.set()
    await until(lambda: len(folded.rows[key]) == 3)
    folded.bounds.clear()
    await until(lambda: not folded.held_back.any)
    assert folded.rows[key] == list(range(10))


def _of(key: Key, count: int, read: dict[Key, int]) -> Handouts:
    flush = _flush(key[0], [count if partition == key[1] else 0 for partition in range(3)], read)
    assert flush is not None
    return flush
