"""Partitions that a lane holds: placed, paused, sought anew, taken away; on a consumer's twin."""

from collections.abc import Iterator
from typing import Any, NoReturn, cast

import pytest
from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from infra.clock import HandClock
from streams.folding.progress import Key, LogMismatch
from streams.folding.runner import FoldRunner
from streams.lane import assignment as assignment_module
from streams.lane.assignment import FIRST_RETRY_S, GONE_RETRY_S, LONGEST_RETRY_S, Assignment
from tests.streams.kafka import Left, RememberingFold
from tests.streams.twin import Twin

TOPIC, OTHER = "rf.engagement.v1", "rf.feed.v1"
A: Key = (TOPIC, 0)
B: Key = (TOPIC, 1)
C: Key = (OTHER, 0)


def leave(code: int, line: str, error: BaseException | None = None) -> NoReturn:
    raise Left(line)


class Site:
    """An assignment of two folds, one of which reads both topics; time is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.twin = Twin({A: (0, 10), B: (0, 10), C: (0, 10)})
        self.first = RememberingFold("first", (TOPIC, OTHER), {A: 3, B: 5})
        self.second = RememberingFold("second", (TOPIC,), {A: 7, B: 5})
        self.runners = [
            FoldRunner(fold, print, HandClock(), leave=leave) for fold in (self.first, self.second)
        ]
        self.void: list[Key] = []
        self.reached: list[tuple[Key, int]] = []
        self.assignment = Assignment(
            cast(Any, self.twin),
            self.runners,
            self.void.append,
            lambda key, at: self.reached.append((key, at)),
        )

    def assign(self, *keys: Key) -> None:
        self.assignment._assigned(cast(Any, self.twin), [TopicPartition(*key) for key in keys])

    def held(self) -> dict[Key, tuple[int, int]]:
        return {key: (one.next, one.high) for key, one in self.assignment.held.items()}


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = Site()

    class Hand:
        def monotonic(self) -> float:
            return made.now

    monkeypatch.setattr(assignment_module, "time", Hand())
    yield made
    for runner in made.runners:
        runner.close()


def test_what_is_assigned_is_paused_until_its_folds_have_said_where_they_stand(site: Site) -> None:
    site.assignment.subscribe([TOPIC])
    assert site.twin.told() == [("subscribe", ([TOPIC], ["on_assign", "on_lost", "on_revoke"]))]
    site.assign(A, C)
    places = [(A, OFFSET_BEGINNING), (C, OFFSET_BEGINNING)]
    assert site.twin.told() == [("incremental_assign", places), ("pause", places)]
    assert (site.assignment.pending, site.held()) == ({A, C}, {})
    site.assignment.settle()
    assert site.twin.told() == [
        ("seek", [(A, 3)]),
        ("seek", [(C, 0)]),
        ("resume", [(A, -1001), (C, -1001)]),
    ]
    assert (site.assignment.pending, site.held()) == (set(), {A: (3, 10), C: (0, 10)})
    assert site.assignment.bounds == {A: (0, 10), C: (0, 10)}
    assert site.reached == [(A, 3), (C, 0)]
    assert site.assignment.held[A].epoch != site.assignment.held[C].epoch
    site.assignment.settle()
    site.assign()
    assert site.twin.told() == []


def test_a_seek_that_was_asked_for_voids_what_was_read_and_takes_a_new_epoch(site: Site) -> None:
    site.assign(A)
    site.assignment.settle()
    before = site.assignment.held[A].epoch
    site.twin.told()
    site.assignment.ask(A)
    site.assignment.ask(B)
    site.assignment.settle()
    assert site.void == [A]
    assert site.twin.told() == [("pause", [(A, -1001)]), ("seek", [(A, 3)]), ("resume", [(A, -1001)])]
    assert site.assignment.held[A].epoch > before
    assert B not in site.assignment.held


def test_a_partition_without_a_leader_holds_up_no_other_and_is_asked_ever_more_rarely(site: Site) -> None:
    site.assign(A, B)
    site.twin.silent.add(A)
    site.assignment.settle()
    assert site.assignment.pending == {A, B}
    site.assignment.settle()
    assert site.assignment.pending == {A, B}
    site.now += FIRST_RETRY_S
    site.assignment.settle()
    assert (site.assignment.pending, list(site.held())) == ({A}, [B])
    pauses = []
    for _ in range(8):
        begun = site.now
        site.twin.silent.discard(B)
        while site.now < begun + 3 and not _asked(site):
            site.now += 0.05
        pauses.append(site.now - begun)
    assert pauses[-1] == pytest.approx(LONGEST_RETRY_S, abs=0.06)
    assert pauses == sorted(pauses)
    site.twin.silent.clear()
    site.now += LONGEST_RETRY_S
    site.assignment.settle()
    assert site.assignment.pending == set()


def _asked(site: Site) -> bool:
    before = site.assignment._retry_at
    site.assignment.settle()
    return site.assignment._retry_at != before


def test_a_store_that_is_away_leaves_the_partition_pending(site: Site) -> None:
    site.assign(A)
    site.second.away = True
    site.assignment.settle()
    assert (site.assignment.pending, site.held(), site.reached) == ({A}, {}, [])
    site.second.away = False
    site.now += FIRST_RETRY_S
    site.assignment.settle()
    assert site.held() == {A: (3, 10)}


def test_a_broker_that_does_not_say_where_a_partition_begins_is_asked_again(site: Site) -> None:
    site.twin.bounds[A] = None
    site.assign(A)
    site.assignment.settle()
    assert site.assignment.pending == {A}


def test_a_position_beyond_the_end_is_looked_at_twice_and_then_a_mismatch(site: Site) -> None:
    site.first.ledger.positions[A] = 12
    bounds = iter([(0, 10), (0, 15)])
    site.twin.get_watermark_offsets = lambda *_, **__: next(bounds)  # type: ignore[method-assign]
    site.assign(A)
    site.assignment.settle()
    assert site.held() == {A: (7, 15)}
    site.assign(B)
    site.first.ledger.positions[B] = 99
    site.twin.get_watermark_offsets = lambda *_, **__: (0, 10)  # type: ignore[method-assign]
    with pytest.raises(LogMismatch, match="first on rf.engagement.v1/1 stands at 99"):
        site.assignment.settle()


def test_what_the_log_has_let_go_of_waits_and_the_others_go_on(site: Site) -> None:
    site.twin.bounds[A] = (5, 10)
    site.assign(A, B)
    site.assignment.settle()
    assert (site.assignment.pending, list(site.held())) == ({A}, [B])
    assert "begins at 5" in site.assignment.gone[A]
    site.first.ledger.positions[A] = 7
    site.now += GONE_RETRY_S - 0.1
    site.assignment.settle()
    assert site.assignment.pending == {A}
    site.now += 0.1
    site.assignment.settle()
    assert (site.assignment.gone, site.held()[A]) == ({}, (7, 10))


def test_a_fold_with_a_memory_is_read_back_from_the_time_it_needs(site: Site) -> None:
    site.first.history_ms = 100
    site.first.ledger.clocks[A] = 250
    site.assign(A)
    site.assignment.settle()
    assert site.held()[A] == (3, 10)
    site.first.ledger.positions[B], site.first.ledger.clocks[B] = 8, 50
    site.second.ledger.positions[B] = 9
    site.assign(B)
    site.assignment.settle()
    assert [asked for name, asked in site.twin.told() if name == "times"] == [[150], [0]]
    assert site.held()[B] == (4, 10)


def test_pausing_and_going_on_are_said_once_and_of_what_is_held(site: Site) -> None:
    site.assign(A)
    site.assignment.settle()
    site.twin.told()
    for _ in range(2):
        site.assignment.pause()
    assert site.twin.told() == [("pause", [(A, -1001)])]
    site.assign(B)
    site.assignment.settle()
    assert "resume" not in [name for name, _ in site.twin.told()]
    for _ in range(2):
        site.assignment.resume()
    assert site.twin.told() == [("resume", [(A, -1001), (B, -1001)])]


def test_kafka_is_told_where_the_slowest_fold_stands_when_all_are_known(site: Site) -> None:
    site.assignment.commit()
    site.assign(A, B)
    site.assignment.settle()
    site.twin.told()
    site.runners[0]._progress.places[B].lost = True
    site.assignment.commit()
    assert site.twin.told() == [("commit", ([(A, 3)], True))]
    assert site.assignment.position(("rf.none.v1", 0)) is None


def test_a_quiet_lane_asks_for_ends_in_turn_and_leaves_a_silent_broker_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assignment_module, "ENDS", 2)
    site.assign(A, B, C)
    site.assignment.settle()
    site.twin.bounds = {A: (0, 11), B: (0, 12), C: (0, 13)}
    ends = []
    for _ in range(2):
        site.assignment.ask_ends()
        ends.append([high for _, high in site.held().values()])
    assert ends == [[11, 12, 10], [11, 12, 13]]
    site.twin.bounds = {A: (0, 99), B: (0, 5), C: (0, 99)}
    site.assignment.ask_ends()
    assert site.held()[B][1] == 12, "an end does not go back"
    site.twin.silent = {C, A}
    site.assignment.ask_ends()
    assert [high for _, high in site.held().values()] == [11, 12, 99]


def test_ends_grow_and_never_shrink(site: Site) -> None:
    site.assign(A, B)
    site.assignment.settle()
    site.twin.cached = {A: (0, 25), B: None}
    site.assignment.refresh_ends()
    assert (site.held()[A], site.held()[B]) == ((3, 25), (5, 10))
    site.twin.cached = {A: (0, 20), B: (0, 1)}
    site.assignment.held[B].next = 30
    site.assignment.refresh_ends()
    assert (site.held()[A][1], site.held()[B][1]) == (25, 30)


def test_brokers_are_reachable_when_they_answer(site: Site) -> None:
    assert site.assignment.reachable()
    site.twin.answers = False
    assert not site.assignment.reachable()


def test_what_is_taken_away_leaves_nothing_behind(site: Site) -> None:
    site.assign(A, B)
    site.twin.bounds[B] = (9, 10)
    site.assignment.settle()
    site.twin.told()
    site.assignment._revoked(cast(Any, site.twin), [TopicPartition(*A), TopicPartition(*B)])
    assert [name for name, _ in site.twin.told()] == ["incremental_unassign"]
    assert (site.held(), site.assignment.pending, site.assignment.bounds) == ({}, set(), {})
    assert (site.assignment.gone, site.assignment._failed) == ({}, set())
    assert site.void == [A, B]
    assert all(runner.cursor(A) is None for runner in site.runners)
    site.assignment._revoked(cast(Any, site.twin), [])
    assert site.twin.told() == []
