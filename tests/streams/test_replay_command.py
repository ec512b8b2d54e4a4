"""What a replay into the live generation may do beside a worker, and which generation is live."""

from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer

from infra.clock import HandClock
from infra.kafka.config import consumer
from infra.kafka.ops_facts import made
from infra.settings import Settings
from streams.batches.decoding import Decoder
from streams.generations import recover as recover_module
from streams.generations.recover import live_of
from streams.lane.memory import MemoryLog
from streams.replay import command as replay_command
from streams.replay.command import Request, beside_worker, is_folded
from streams.replay.plan import Bounds, Refused, cuts
from tests.builders import event, liked
from tests.streams.kafka import Log, RememberingFold, unknown, until
from tests.streams.replays import joined

TOPIC = "rf.engagement.v1"
KEY = (TOPIC, 0)


def test_beside_a_worker_only_what_it_waits_for_is_folded_and_only_up_to_where_it_goes_on(
    tmp_path: Path,
) -> None:
    log = MemoryLog(partitions=2)
    for at in range(40):
        log.append(liked(f"u{at}", "v", at), appended_at=at)
    log.partition(TOPIC, 1)
    source = joined(log, tmp_path, [6])
    lost, well = (
        RememberingFold("lost", (TOPIC,), {}),
        RememberingFold("well", (TOPIC,), {KEY: 9, (TOPIC, 1): 6}),
    )
    wanted = cuts(source, [lost, well], Bounds())
    assert beside_worker(source, [lost, well], wanted) == {("lost", TOPIC, 0): 6, ("lost", TOPIC, 1): 6}
    early = cuts(source, [lost, well], Bounds(to_offsets={KEY: 4}))
    assert beside_worker(source, [lost], {place: early[place] for place in early if place[0] == "lost"}) == {
        ("lost", TOPIC, 0): 4,
        ("lost", TOPIC, 1): 6,
    }


def promoted(generation: int, previous: int, at: int) -> dict[str, Any]:
    fact = made(
        "generation.promoted", f"run-{at}", at,
        generation=generation, previous=previous, rollback=False, parity_run_id=None,
    )  # fmt: skip
    return event(**fact, by="operator")


@pytest.mark.parametrize("trimmed", [True, False])
def test_the_live_generation_is_known_from_the_archive_too(
    tmp_path: Path, trimmed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = MemoryLog(partitions=1)
    for at, generation in enumerate((2, 3)):
        log.append(promoted(generation, generation - 1, at + 1), appended_at=at + 1)
    source = joined(log, tmp_path, [2], trimmed)
    decoder = Decoder(log.book, unknown, lambda seconds: False)
    monkeypatch.setattr(recover_module, "decoder", lambda settings, archive: decoder)
    live = live_of(Settings(), source)
    assert (live.generation, live.forgotten) == (3, trimmed)
    assert live_of(Settings(), joined(MemoryLog(partitions=1), tmp_path / "empty", [])).generation == 1


@pytest.mark.servers
async def test_a_live_generation_that_a_worker_folds_is_left_alone(
    log: Log, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = log.settings.model_copy(update={"data": tmp_path})
    assert not is_folded(settings, 77)
    member = Consumer(consumer(settings, "reelfold.redis.g77"))
    member.subscribe([TOPIC])
    try:
        await until(lambda: member.poll(0.1) is None and is_folded(settings, 77))
        fold = RememberingFold("one", (TOPIC,), log.ends(TOPIC))
        monkeypatch.setattr(replay_command, "every_fold", lambda settings, generation: {"x": [fold]})
        with pytest.raises(Refused, match="a worker folds generation 77, which is live"):
            replay_command.run(settings, Request(77), 77, HandClock())
    finally:
        member.close()
