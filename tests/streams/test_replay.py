"""The naive replay on a real broker: all of the log up to the cut, once, into stores that stand anywhere."""

from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer

from infra.settings import Settings
from projections.position import StoreUnavailable
from schemas.batch import RecordBatch
from streams.replay import replay as replay_module
from streams.replay import source as replay_source
from streams.replay.replaying import replay
from tests.builders import followed
from tests.streams.kafka import BOOK, Log, RememberingFold

pytestmark = pytest.mark.servers
TOPIC = "rf.graph.v1"


@pytest.fixture
def settings(log: Log, tmp_path: Path) -> Settings:
    (tmp_path / "schemas.json").write_text(BOOK.to_json(), "utf-8")
    return log.settings.model_copy(update={"data": tmp_path})


def sent(log: Log, mark: str, count: int) -> list[dict[str, Any]]:
    events = [followed(f"{mark}-{number}", "bob", number) for number in range(count)]
    log.send(events)
    return events


class Ending(RememberingFold):
    """Tells that it was closed, and can lose everything in the middle."""

    closed, loses_at = False, -1

    def apply(self, batch: RecordBatch, expected: int | None) -> None:
        if len(self.ids()) >= self.loses_at >= 0:
            self.loses_at = -1
            self.ledger.positions.clear()
            self.seen.clear()
        super().apply(batch, expected)

    def close(self) -> None:
        self.closed = True


def test_all_of_the_log_is_folded_once_up_to_the_cut_and_a_second_run_adds_nothing(
    log: Log, settings: Settings
) -> None:
    sent(log, "r1", 50)
    fold, ends = Ending("f", (TOPIC,), {}), log.ends(TOPIC)
    report = replay(settings, 2, folds={"x": [fold]})
    assert fold.ledger.positions == {key: end for key, end in ends.items() if end}
    assert (report.cut, report.folds, report.events) == (ends, ("f",), len(fold.ids()))
    assert report.events + report.unreadable == sum(ends.values())
    assert fold.closed
    more = sent(log, "r2", 5)
    assert replay(settings, 2, folds={"x": [fold]}).events == 5
    assert {event["event_id"] for event in more} <= set(fold.ids())


def test_a_store_that_loses_its_data_under_the_replay_is_filled_whole(
    log: Log, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(log, "r3", 60)
    monkeypatch.setattr(replay_module, "BATCH_ROWS", 10)
    fold, other = Ending("f", (TOPIC,), {}), Ending("other", (TOPIC,), {})
    fold.loses_at = 25
    replay(settings, 2, folds={"x": [fold, other]})
    ends = log.ends(TOPIC)
    assert fold.ledger.positions == {key: end for key, end in ends.items() if end}
    assert fold.seen == other.seen


def test_only_the_folds_that_are_named(log: Log, settings: Settings) -> None:
    sent(log, "r4", 1)
    one, other = Ending("one", (TOPIC,), {}), Ending("other", (TOPIC,), {})
    assert replay(settings, 2, only=["other"], folds={"x": [one], "y": [other]}).folds == ("other",)
    assert one.ids() == []
    assert other.ids()


def test_a_log_that_falls_silent_is_no_endless_wait(
    log: Log, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(log, "r5", 1)
    monkeypatch.setattr(replay_source, "SILENCE_S", -1.0)
    monkeypatch.setattr("streams.replay.replaying.Consumer", _Silent)
    with pytest.raises(StoreUnavailable, match="says nothing"):
        replay(settings, 2, folds={"x": [Ending("f", (TOPIC,), {})]})


class _Silent(Consumer):
    def consume(self, *given: Any, **named: Any) -> list[Any]:
        return []
