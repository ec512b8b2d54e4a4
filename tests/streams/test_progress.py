"""Where a fold is: nothing is skipped and nothing is folded twice, for any cut and any start."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.batch import RecordBatch
from streams.folding.handouts import Handout
from streams.folding.progress import LogMismatch, Progress, nothing
from streams.lane.memory import MemoryLog
from tests.builders import liked
from tests.streams.kafka import RememberingFold

TOPIC = "rf.engagement.v1"
KEY = (TOPIC, 0)


def log_of(count: int) -> MemoryLog:
    log = MemoryLog(partitions=1)
    for at in range(count):
        log.append(liked("u", f"v{at}", at), appended_at=at)
    return log


def offsets(fold: RememberingFold) -> list[int]:
    return [offset for offset, _ in fold.seen.get(KEY, [])]


@given(st.lists(st.integers(1, 7), max_size=12), st.integers(0, 20))
def test_any_cut_from_any_position_folds_each_record_once(sizes: list[int], position: int) -> None:
    log = log_of(20)
    fold = RememberingFold("f", (TOPIC,), {KEY: position} if position else {})
    log.fold_into(fold, sizes, size=4)
    assert offsets(fold) == list(range(position, 20))


@given(st.lists(st.tuples(st.integers(0, 19), st.integers(1, 20)), max_size=20))
def test_any_order_of_batches_is_folded_once_or_asked_for_again(spans: list[tuple[int, int]]) -> None:
    log, fold = log_of(20), RememberingFold("f", (TOPIC,), {})
    progress = Progress(fold)
    progress.start(KEY, log.partition(*KEY), epoch=1)
    for start, size in spans:
        batch, _ = log.read(KEY, start, size)
        before = progress.places[KEY].cursor
        assert progress.step(Handout(batch, 1)).seek == (start > before)
    assert offsets(fold) == list(range(progress.places[KEY].cursor))


def test_a_batch_read_before_a_seek_is_stale() -> None:
    log, fold = log_of(5), RememberingFold("f", (TOPIC,), {})
    progress = Progress(fold)
    progress.start(KEY, log.partition(*KEY), epoch=2)
    assert progress.step(Handout(log.read(KEY, 0, 5)[0], 1)).folded is None
    assert offsets(fold) == []


def test_a_conflict_leads_back_to_the_store() -> None:
    log, fold = log_of(10), RememberingFold("f", (TOPIC,), {KEY: 4})
    progress = Progress(fold)
    assert progress.start(KEY, log.partition(*KEY), epoch=1) == 4
    fold.ledger.positions[KEY] = 6
    assert progress.step(Handout(log.read(KEY, 4, 6)[0], 1)).seek
    assert progress.start(KEY, log.partition(*KEY), epoch=2) == 6
    progress.step(Handout(log.read(KEY, 6, 4)[0], 2))
    assert offsets(fold) == [6, 7, 8, 9]


def test_a_store_that_lost_its_positions_is_noticed() -> None:
    log, fold = log_of(3), RememberingFold("f", (TOPIC,), {})
    progress = Progress(fold)
    progress.start(KEY, log.partition(*KEY), epoch=1)
    progress.step(Handout(log.read(KEY, 0, 3)[0], 1))
    assert progress.audit() == []
    fold.ledger.positions.clear()
    assert progress.audit() == [KEY]
    assert progress.start(KEY, log.partition(*KEY), epoch=2) == 0


def test_an_audit_asks_little_and_finds_every_loss() -> None:
    keys = [(TOPIC, partition) for partition in range(10)]
    fold, asked = RememberingFold("f", (TOPIC,), dict.fromkeys(keys, 3)), list[int]()
    log, progress = log_of(3), Progress(fold)
    for key in keys:
        progress.start(key, log.partition(*KEY), epoch=1)
    position = fold.position
    fold.position = lambda topic, partition: asked.append(partition) or position(topic, partition)  # type: ignore[func-returns-value,method-assign]
    for _ in range(3):
        assert progress.audit() == []
    assert len(asked) == 12
    assert set(asked) == set(range(10))
    fold.ledger.positions[TOPIC, 9] = 2
    assert [one for _ in range(3) for one in progress.audit()] == [(TOPIC, 9)]
    fold.ledger.positions.clear()
    assert set(progress.audit()) == set(keys) - {(TOPIC, 9)}


def test_history_before_the_position_is_shown_and_not_folded() -> None:
    log, fold = log_of(20), RememberingFold("f", (TOPIC,), {KEY: 15})
    fold.ledger.clocks[KEY] = 14
    fold.history_ms = 5
    progress = Progress(fold)
    assert progress.start(KEY, log.partition(*KEY), epoch=1) == 9
    progress.step(Handout(log.read(KEY, 9, 11)[0], 1))
    assert fold.warmed == [(9, 15)]
    assert offsets(fold) == [15, 16, 17, 18, 19]


def test_what_the_log_let_go_of_is_shown_again_from_where_it_is_kept() -> None:
    log, fold = log_of(20), RememberingFold("f", (TOPIC,), {KEY: 15})
    fold.ledger.clocks[KEY], fold.history_ms = 14, 6
    kept, asked = log.read(KEY, 8, 7)[0], list[tuple[object, int, int]]()

    def past(key: object, since: int, until: int) -> list[RecordBatch]:
        asked.append((key, since, until))
        return [kept]

    log.partition(*KEY).low = 15
    assert Progress(fold, past=past).start(KEY, log.partition(*KEY), epoch=1) == 15
    assert (asked, fold.warmed) == ([(KEY, 8, 15)], [(8, 15)])
    fold.history_ms = 0
    Progress(fold, past=past).start(KEY, log.partition(*KEY), epoch=1)
    log.partition(*KEY).low, fold.history_ms = 0, 6
    assert Progress(fold, past=past).start(KEY, log.partition(*KEY), epoch=1) == 8
    assert len(asked) == 1
    assert list(nothing(KEY, 0, 1)) == []


@pytest.mark.parametrize(("position", "low", "said"), [(25, 0, "the log ends at 20"), (3, 5, "begins at 5")])
def test_a_log_that_does_not_hold_what_comes_next_is_no_silent_jump(
    position: int, low: int, said: str
) -> None:
    log, fold = log_of(20), RememberingFold("f", (TOPIC,), {KEY: position})
    log.partition(*KEY).low = low
    with pytest.raises(LogMismatch, match=said):
        Progress(fold).start(KEY, log.partition(*KEY), epoch=1)
