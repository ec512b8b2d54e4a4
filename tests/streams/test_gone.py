"""What the log has let go of: its partition waits for a replay, and nothing is skipped silently."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from infra.archive_store import FolderArchiveStore
from infra.kafka.config import connection
from projections.position import StoreUnavailable
from schemas.batch import RecordBatch
from streams.archive.past import ArchivePast
from streams.archive.reading import Archive
from streams.batches.decoding import Decoder
from streams.folding.progress import Key, LogGone, Progress
from streams.lane.memory import MemoryLog
from streams.watch import Watch
from tests.builders import event, liked
from tests.streams.archives import archived
from tests.streams.kafka import BOOK, Log, RememberingFold, running, unknown, until

TOPIC, SHORT = "rf.engagement.v1", "rf.heartbeat.v1"
KEY = (TOPIC, 0)


@pytest.mark.servers
async def test_a_partition_whose_next_records_are_gone_waits_and_goes_on_once_it_is_filled(
    log: Log, group: str
) -> None:
    log.send([event("view.heartbeat", f"{group}-{at}", at) for at in range(40)])
    ends = log.ends(SHORT)
    gone: Key = (SHORT, 0)
    admin = AdminClient(connection(log.settings))
    for deleted in admin.delete_records([TopicPartition(*gone, ends[gone])]).values():
        deleted.result()
    fold = RememberingFold("f", (SHORT,), {key: end for key, end in ends.items() if key != gone})
    events = [event("view.heartbeat", f"{group}-{at}", 100 + at) for at in range(40)]
    async with running(log.settings, group, fold) as lane:
        await until(lambda: lane.lane.assignment and lane.lane.assignment.gone)
        log.send(events)
        expected = sum(log.ends(SHORT).values()) - sum(ends.values())
        here = log.ends(SHORT)[gone] - ends[gone]
        await until(lambda: len(fold.ids()) == expected - here)
        assignment = lane.lane.assignment
        assert assignment is not None
        assert gone not in fold.seen
        assert f"begins at {ends[gone]}" in assignment.gone[gone]
        _never_stuck(lane)
        fold.ledger.positions[gone] = ends[gone]  # as a replay leaves it
        await until(lambda: len(fold.ids()) == expected)
        assert assignment.gone == {}
    assert lane.left == []
    assert sorted(fold.ids()) == sorted(one["event_id"] for one in events)


def _never_stuck(lane: object) -> None:
    """The watchdog knows that waiting for a replay is no standing still."""

    class Nobody:
        def tell(self, known: object) -> None: ...

    watch = Watch([], Nobody(), None, leave=lane.leave)  # type: ignore[arg-type, attr-defined]
    for now in (0.0, 1_000.0, 2_000.0):
        watch.look(lane.lane, now)  # type: ignore[attr-defined]


def town(folder: Path) -> tuple[MemoryLog, FolderArchiveStore]:
    """Twenty likes, one a millisecond, of which the log has let go of twelve."""
    log, store = MemoryLog(partitions=1), FolderArchiveStore(folder)
    for at in range(20):
        log.append(liked("u", f"v{at}", at), appended_at=at)
    archived(store, KEY, log.partition(*KEY).messages, [4, 4, 4])
    log.partition(*KEY).low = 12
    return log, store


def past(store: FolderArchiveStore) -> ArchivePast:
    return ArchivePast(lambda: Archive(store), lambda: Decoder(BOOK, unknown, lambda seconds: False))


@pytest.mark.parametrize(("position", "shown"), [(12, (7, 12)), (14, (9, 12)), (19, None)])
def test_the_window_of_a_fold_is_shown_again_from_the_archive(
    tmp_path: Path, position: int, shown: tuple[int, int] | None
) -> None:
    log, store = town(tmp_path)
    fold = RememberingFold("f", (TOPIC,), {KEY: position})
    fold.ledger.clocks[KEY], fold.history_ms = position - 1, 4
    progress = Progress(fold, past=past(store))
    assert progress.start(KEY, log.partition(*KEY), epoch=1) == max(12, position - 5)
    if shown is None:
        assert fold.warmed == []
    else:
        assert (fold.warmed[0][0], fold.warmed[-1][1]) == shown


def test_an_archive_that_is_away_is_waited_for(tmp_path: Path) -> None:
    _, store = town(tmp_path)
    for path in tmp_path.rglob("*.avro"):
        path.unlink()
    with pytest.raises(StoreUnavailable, match="archive"):
        list(past(store)(KEY, 0, 12))


def test_nothing_is_asked_of_the_past_by_a_fold_without_history(tmp_path: Path) -> None:
    log, _ = town(tmp_path)

    def never(key: Key, since: int, until: int) -> Iterator[RecordBatch]:
        raise AssertionError

    fold = RememberingFold("f", (TOPIC,), {KEY: 12})
    assert Progress(fold, past=never).start(KEY, log.partition(*KEY), epoch=1) == 12


def test_a_fold_that_folded_nothing_does_not_begin_in_the_middle(tmp_path: Path) -> None:
    log, _ = town(tmp_path)
    fold = RememberingFold("f", (TOPIC,), {})
    with pytest.raises(LogGone, match="stands at 0 and the log begins at 12"):
        Progress(fold).start(KEY, log.partition(*KEY), epoch=1)
    assert Progress(fold, accept_loss=True).start(KEY, log.partition(*KEY), epoch=1) == 12
