"""Laws of the replay: where archive and log are joined, how it is cut and where it dies changes nothing."""

import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.engagement.memory import EngagementState, MemoryEngagement
from projections.graph.memory import MemoryGraph
from schemas.batch import RecordBatch
from schemas.book import SchemaBook
from streams.batches.decoding import Decoder
from streams.folding.progress import LogGone
from streams.lane.memory import MemoryLog
from streams.replay import replay as replay_module
from streams.replay.plan import Bounds, Refused, chosen, epoch_ms, offsets
from streams.replay.replay import turned_back
from tests.builders import Event, liked
from tests.strategies import engagement_events
from tests.streams.kafka import RememberingFold, unknown
from tests.streams.replays import Killed, MemorySide, joined, replayed

TOPIC = "rf.engagement.v1"
HOUR_MS = 3_600_000
WINDOW_MS = HOUR_MS // 2
EXAMPLES = 12
"""Each makes files and threads: some milliseconds."""

sizes = st.lists(st.integers(1, 9), max_size=6)
chunks = st.integers(1, 7)
steps = st.lists(st.tuples(engagement_events, st.integers(0, HOUR_MS // 6), st.booleans()), max_size=25)


def log_of(history: list[tuple[Event, int, bool]]) -> MemoryLog:
    """Two partitions. Clients send again now and then; the broker's clock runs on."""
    log, clock, sent = MemoryLog(partitions=2), 10 * HOUR_MS, list[Event]()
    for event, step, again in history:
        clock += step
        sent.append(sent[len(sent) // 2] if again and sent else event)
        log.append(sent[-1], appended_at=clock)
    return log


def engagement(state: EngagementState | None = None) -> MemoryEngagement:
    return MemoryEngagement(state, WINDOW_MS)


def live(history: list[tuple[Event, int, bool]]) -> dict[str, Any]:
    fold = engagement()
    log_of(history).fold_into(fold)
    return fold.snapshot()


class Mortal(MemoryEngagement):
    """Dies before or after its nth transaction."""

    lives, after = 0, False

    def apply(self, batch: RecordBatch, expected: int | None) -> None:
        self.lives -= 1
        if self.lives == 0 and not self.after:
            raise Killed
        super().apply(batch, expected)
        if self.lives == 0:
            raise Killed


@settings(max_examples=EXAMPLES)
@given(steps, sizes, chunks, st.booleans())
def test_any_join_and_any_cut_come_to_the_live_state(
    history: list[tuple[Event, int, bool]], ranges: list[int], rows: int, trimmed: bool
) -> None:
    fold = engagement()
    with TemporaryDirectory() as folder, patch.object(replay_module, "BATCH_ROWS", rows):
        log = log_of(history)
        source = joined(log, Path(folder), ranges, trimmed)
        report = replayed(source, [fold])
    assert fold.snapshot() == live(history)
    assert report.events == len(history)
    assert report.archived == sum(min(sum(ranges), one.high) for one in log.logs.values())
    assert report.left_s == 0.0


@settings(max_examples=EXAMPLES)
@given(steps, sizes, chunks, st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=3))
def test_killed_anywhere_and_begun_again_comes_to_the_live_state(
    history: list[tuple[Event, int, bool]], ranges: list[int], rows: int, deaths: list[tuple[int, bool]]
) -> None:
    state = EngagementState()
    with TemporaryDirectory() as folder, patch.object(replay_module, "BATCH_ROWS", rows):
        source = joined(log_of(history), Path(folder), ranges)
        for lives, after in deaths:
            mortal = Mortal(state, WINDOW_MS)
            mortal.lives, mortal.after = lives, after
            try:
                replayed(source, [mortal])
            except Killed:
                continue
        fold = engagement(state)
        replayed(source, [fold])
    assert fold.snapshot() == live(history)


@settings(max_examples=EXAMPLES)
@given(steps, sizes, st.integers(0, 12), st.integers(0, 12))
def test_each_fold_stops_at_its_own_cut_and_goes_on_from_there(
    history: list[tuple[Event, int, bool]], ranges: list[int], one_cut: int, other_cut: int
) -> None:
    one, other = RememberingFold("one", (TOPIC,), {}), RememberingFold("other", (TOPIC,), {})
    with TemporaryDirectory() as folder:
        log = log_of(history)
        source = joined(log, Path(folder), ranges)
        given_cuts = {
            (fold, *key): min(cut, partition.high)
            for key, partition in log.logs.items()
            for fold, cut in (("one", one_cut), ("other", other_cut))
        }
        replayed(source, [one, other], given=given_cuts)
        for fold in (one, other):
            for key in log.logs:
                offsets = [offset for offset, _ in fold.seen.get(key, [])]
                assert offsets == list(range(given_cuts[fold.name, *key]))
        replayed(source, [one, other])
        assert one.seen == other.seen
        assert len(one.ids()) == len(history)


@settings(max_examples=EXAMPLES)
@given(steps, sizes, st.integers(0, 26 * HOUR_MS // 6))
def test_a_point_in_time_is_all_that_was_appended_before_it(
    history: list[tuple[Event, int, bool]], ranges: list[int], later: int
) -> None:
    fold, until = RememberingFold("f", (TOPIC,), {}), 10 * HOUR_MS + later
    with TemporaryDirectory() as folder:
        log = log_of(history)
        replayed(joined(log, Path(folder), ranges), [fold], Bounds(to_time=until))
        clocks = [at for one in log.logs.values() for at, _ in one.messages]
        assert len(fold.ids()) == sum(at < until for at in clocks)
        assert all(
            log.logs[key].messages[offset][0] < until for key, rows in fold.seen.items() for offset, _ in rows
        )


def town(folder: Path, ranges: list[int], count: int = 20) -> tuple[MemoryLog, Any]:
    log = MemoryLog(partitions=1)
    for at in range(count):
        log.append(liked("u", f"v{at}", at), appended_at=at)
    return log, joined(log, folder, ranges)


def test_only_what_the_log_let_go_of_is_asked_of_the_archive_twice_nothing(tmp_path: Path) -> None:
    log, source = town(tmp_path, [7, 5])
    fold = RememberingFold("f", (TOPIC,), {(TOPIC, 0): 9})
    report = replayed(source, [fold])
    assert source.log.asked == [(12, 20)]
    assert (report.events, report.archived, report.total, report.resumed) == (11, 3, 11, True)
    assert report.cut == {(TOPIC, 0): 20}


def test_ids_mean_what_they_meant_when_they_were_archived(tmp_path: Path) -> None:
    """The registry was made anew: the same ids mean other schemas."""
    log, source = town(tmp_path, [20])
    other = SchemaBook.of((schema_id + 1, schema) for schema_id, schema in log.book.by_id.items())
    log.book = other
    fold = RememberingFold("f", (TOPIC,), {})
    assert replayed(source, [fold]).unreadable == 0
    assert len(fold.ids()) == 20


def test_a_hole_stops_it_unless_loss_is_accepted(tmp_path: Path) -> None:
    log, source = town(tmp_path, [5, 5])
    log.partition(TOPIC, 0).low = 14
    fold = RememberingFold("f", (TOPIC,), {})
    with pytest.raises(LogGone, match="neither the log nor the archive holds offsets 10 to 13"):
        replayed(source, [fold])
    assert len(fold.ids()) == 10
    source.accept_loss = True
    assert replayed(source, [fold]).events == 6
    assert fold.position(TOPIC, 0) == 20


def test_a_log_whose_beginning_nobody_holds_is_no_silent_jump(tmp_path: Path) -> None:
    log, source = town(tmp_path, [])
    log.partition(TOPIC, 0).low = 4
    with pytest.raises(LogGone, match="REELFOLD_ACCEPT_LOG_LOSS|begins at 4"):
        replayed(source, [RememberingFold("f", (TOPIC,), {})])


def test_what_is_folded_is_not_folded_back(tmp_path: Path) -> None:
    _, source = town(tmp_path, [5])
    fold = RememberingFold("f", (TOPIC,), {(TOPIC, 0): 9})
    with pytest.raises(Refused, match="stands at 9"):
        turned_back([fold], {("f", TOPIC, 0): 8})
    replayed(source, [fold], given={("f", TOPIC, 0): 8})
    assert fold.ids() == []


def test_the_rate_bounds_it(tmp_path: Path) -> None:
    _, source = town(tmp_path, [5])
    assert isinstance(source.log, MemorySide)
    told: list[float] = []
    with patch("streams.replay.replay.time.sleep", told.append):
        run = replay_module.Replay(source, _decoder(source), replay_module.ReplayReport(2), rate=8)
        run.fold_to([RememberingFold("f", (TOPIC,), {})], {("f", TOPIC, 0): 20})
    assert len(told) == 11, "two at a time, the archive's five in three"
    assert 0.0 < max(told) <= 2.5


def test_a_fold_that_is_slow_holds_no_other_up_by_more_than_a_batch(tmp_path: Path) -> None:
    """... and is given all of the log, over the ends of partitions, as the quick one is."""
    log = MemoryLog(partitions=2)
    for at in range(24):
        log.append(liked(f"u{at}", "v", at), appended_at=at)
    source, go_on = joined(log, tmp_path, []), threading.Event()

    class Slow(RememberingFold):
        def apply(self, batch: RecordBatch, expected: int | None) -> None:
            assert go_on.wait(30)
            super().apply(batch, expected)

    class Quick(RememberingFold):
        def apply(self, batch: RecordBatch, expected: int | None) -> None:
            super().apply(batch, expected)
            if len(self.ids()) == 8:
                go_on.set()

    slow, quick = Slow("slow", (TOPIC,), {}), Quick("quick", (TOPIC,), {})
    with patch.object(replay_module, "BATCH_ROWS", 4):
        assert replayed(source, [slow, quick]).events == 24
    assert slow.seen == quick.seen


def test_a_fold_that_was_moved_on_by_somebody_is_read_for_again_from_where_it_stands(tmp_path: Path) -> None:
    """The rest of that partition is not read in vain, and the others are folded meanwhile."""
    log, source = town(tmp_path, [], 40)

    class Moved(RememberingFold):
        rounds = 0

        def apply(self, batch: RecordBatch, expected: int | None) -> None:
            self.rounds += 1
            if self.rounds == 2:
                super().apply(log.read((TOPIC, 0), batch.start, 11)[0], expected)
            super().apply(batch, expected)

    moved, other = Moved("moved", (TOPIC,), {}), RememberingFold("other", (TOPIC,), {})
    with patch.object(replay_module, "BATCH_ROWS", 5):
        replayed(source, [moved, other])
    assert moved.seen == other.seen
    assert moved.position(TOPIC, 0) == 40


def _decoder(source: Any) -> Decoder:
    return Decoder(source.log.log.book, unknown, lambda seconds: False)


def test_bad_bounds_are_told_in_a_sentence() -> None:
    assert epoch_ms("1700000000000") == 1_700_000_000_000
    assert epoch_ms("2023-11-14T22:13:20Z") == epoch_ms("2023-11-14T22:13:20") == 1_700_000_000_000
    assert offsets(["rf.graph.v1/3=7"]) == {("rf.graph.v1", 3): 7}
    for text in ("rf.graph.v1/9=7", "rf.graph.v1=7", "x/0=1", "rf.graph.v1/0=-1", "rf.graph.v1/0=²"):
        with pytest.raises(Refused, match="topic/partition=offset"):
            offsets([text])
    with pytest.raises(Refused, match="no time"):
        epoch_ms("yesterday")
    with pytest.raises(Refused, match="there is no fold 'likes'; there are: graph"):
        chosen([MemoryGraph()], ["likes"])
