"""The small print of a fold's places: what is forgotten, when a place is taken anew, whom an audit asks."""

from projections.position import PositionConflict
from streams.folding.handouts import Handout
from streams.folding.progress import AUDITED, Key, Progress, Step
from streams.lane.memory import MemoryLog
from tests.builders import liked
from tests.streams.kafka import RememberingFold

TOPIC = "rf.engagement.v1"
KEY: Key = (TOPIC, 0)


class Noting(RememberingFold):
    """Notes what it is told to forget, and whose position is asked for."""

    def __init__(self, positions: dict[Key, int]) -> None:
        super().__init__("f", (TOPIC,), positions)
        self.forgotten: list[Key] = []
        self.asked: list[Key] = []

    def forget(self, topic: str, partition: int) -> None:
        self.forgotten.append((topic, partition))

    def position(self, topic: str, partition: int) -> int | None:
        self.asked.append((topic, partition))
        return super().position(topic, partition)


def log_of(count: int, partitions: int = 1) -> MemoryLog:
    log = MemoryLog(partitions=partitions)
    for at in range(count):
        log.append(liked("u", f"v{at}", at), appended_at=at)
    return log


def test_memory_is_made_anew_where_a_place_is_looked_for_and_where_it_ends() -> None:
    log, fold = log_of(3), Noting({})
    progress = Progress(fold)
    progress.start(KEY, log.partition(*KEY), 1)
    assert fold.forgotten == [KEY]
    progress.start(KEY, log.partition(*KEY), 2)
    assert (fold.forgotten, len(fold.asked)) == ([KEY], 1)
    progress.drop(KEY)
    progress.drop(KEY)
    assert fold.forgotten == [KEY, KEY]
    assert progress.places == {}


def test_a_seek_of_another_fold_makes_older_batches_stale_for_this_one_too() -> None:
    log, fold = log_of(4), Noting({})
    progress = Progress(fold)
    progress.start(KEY, log.partition(*KEY), 1)
    assert progress.step(Handout(log.read(KEY, 0, 2)[0], 1)).folded is not None
    assert progress.start(KEY, log.partition(*KEY), 2) == 2
    stale = Handout(log.read(KEY, 2, 2)[0], 1)
    assert progress.step(stale) == Step()
    assert progress.step(Handout(stale.batch, 2)).folded is not None


def test_a_conflict_is_told_and_nothing_is_folded_until_the_place_is_taken_anew() -> None:
    log, fold, told = log_of(6), Noting({KEY: 2}), list[PositionConflict]()
    progress = Progress(fold, on_conflict=told.append)
    progress.start(KEY, log.partition(*KEY), 1)
    fold.ledger.positions[KEY] = 4
    handout = Handout(log.read(KEY, 2, 4)[0], 1)
    assert progress.step(handout) == Step(seek=True)
    assert [(one.expected, one.stored) for one in told] == [(2, 4)]
    fold.ledger.positions[KEY] = 2
    assert progress.step(handout) == Step()
    assert progress.start(KEY, log.partition(*KEY), 2) == 2


def test_what_was_shown_again_is_not_shown_twice_and_its_end_is_no_step() -> None:
    log, fold = log_of(10), Noting({KEY: 6})
    fold.history_ms, fold.ledger.clocks[KEY] = 100, 5
    progress = Progress(fold)
    assert progress.start(KEY, log.partition(*KEY), 1) == 0
    assert progress.step(Handout(log.read(KEY, 0, 6)[0], 1)) == Step()
    assert progress.step(Handout(log.read(KEY, 0, 6)[0], 1)) == Step()
    assert fold.warmed == [(0, 6)]
    assert progress.places[KEY].cursor == 6
    step = progress.step(Handout(log.read(KEY, 4, 6)[0], 1))
    assert step.folded is not None
    assert (step.folded.start, step.folded.next) == (6, 10)
    assert (progress.places[KEY].cursor, progress.places[KEY].position) == (10, 10)


def test_audits_go_round_all_partitions_a_few_at_a_time() -> None:
    keys = [(TOPIC, number) for number in range(AUDITED * 2 + 1)]
    fold, log = Noting(dict.fromkeys(keys, 0)), MemoryLog(partitions=len(keys))
    progress = Progress(fold)
    for key in keys:
        progress.start(key, log.partition(*key), 1)
    fold.asked.clear()
    assert progress.audit() == []
    assert fold.asked == keys[:AUDITED]
    progress.audit()
    progress.audit()
    assert fold.asked == [*keys, *keys[: AUDITED - 1]]
    fold.ledger.positions.pop(keys[0])
    fold.ledger.positions.pop(keys[-1])
    while not (moved := progress.audit()):
        pass
    assert moved == [keys[0], keys[-1]]
    assert [key for key in keys if progress.places[key].lost] == moved


def test_an_audit_of_one_partition_asks_once() -> None:
    log, fold = log_of(2), Noting({KEY: 1})
    progress = Progress(fold)
    progress.start(KEY, log.partition(*KEY), 1)
    fold.asked.clear()
    progress.audit()
    progress.audit()
    assert fold.asked == [KEY, KEY]
