"""The Faust faults that Reelfold is built around, held on the pinned version against a real broker.

A test here fails when a fault is gone: then the reason for a piece of the lane may be gone with it. The
agents are in faults.py, as a manual would write them, each in a process of its own; all run side by side.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from infra.kafka.config import connection, producer
from infra.settings import Settings

pytestmark = pytest.mark.servers
EVENTS = 200
FACTS = ("take", "noack", "concurrent")
WITHIN_S = 60.0


@dataclass(slots=True)
class Seen:
    """What an agent has seen, and what its group has committed."""

    values: list[int]
    committed: int

    @property
    def lost(self) -> set[int]:
        """Behind the committed offset and never seen: gone for good."""
        return set(range(self.committed)) - set(self.values)


@pytest.fixture(scope="module")
def seen(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Seen]]:
    """All three facts, run at once on 200 events each, and looked at when their commits stand still."""
    settings, folder = Settings(kafka_bootstrap=kafka_bootstrap), tmp_path_factory.mktemp("canaries")
    _fill(settings)
    running = {fact: _started(fact, settings, folder) for fact in FACTS}
    try:
        yield _settled(settings, folder, running)
    finally:
        for process in running.values():
            process.kill()
            process.wait(10)


def test_an_exception_inside_take_still_loses_the_batch_and_what_was_buffered(seen: dict[str, Seen]) -> None:
    found = seen["take"]
    assert len(found.lost) >= 10, (
        "upstream changed: an exception inside stream.take() lost "
        f"{len(found.lost)} of {EVENTS} events, it used to lose the batch and all that was buffered (fact 1)"
    )


def test_noack_still_loses_the_event_that_failed(seen: dict[str, Seen]) -> None:
    found = seen["noack"]
    assert found.lost == {50}, (
        "upstream changed: an event that was never acknowledged is not committed over any more "
        f"(lost {sorted(found.lost)}, committed {found.committed}; fact 3)"
    )


def test_concurrency_still_commits_past_an_event_in_flight(seen: dict[str, Seen]) -> None:
    found = seen["concurrent"]
    assert found.lost == {50}, (
        "upstream changed: with concurrency=2 the offset does not pass an event in flight any more "
        f"(lost {sorted(found.lost)}, committed {found.committed}; fact 5)"
    )


def _fill(settings: Settings) -> None:
    admin = AdminClient(connection(settings))
    made = admin.create_topics([NewTopic(_topic(fact), 1) for fact in FACTS])
    for future in made.values():
        future.result(20)
    writer = Producer(producer(settings))
    for fact in FACTS:
        for number in range(EVENTS):
            writer.produce(_topic(fact), str(number).encode(), partition=0)
    assert writer.flush(20) == 0


def _topic(fact: str) -> str:
    return f"canary-{fact}"


def _started(fact: str, settings: Settings, folder: Path) -> "subprocess.Popen[bytes]":
    own = folder / fact
    own.mkdir()
    script = Path(__file__).with_name("faults.py")
    words = [sys.executable, str(script), fact, _topic(fact), settings.kafka_bootstrap, str(own)]
    with (own / "out").open("wb") as out:
        return subprocess.Popen(words, stdout=out, stderr=out, start_new_session=True)


def _settled(
    settings: Settings, folder: Path, running: "dict[str, subprocess.Popen[bytes]]"
) -> dict[str, Seen]:
    """What was seen, once every group has committed all of its topic, or nothing has moved for a while."""
    deadline, found, moved = time.monotonic() + WITHIN_S, dict[str, Seen](), time.monotonic()
    while time.monotonic() < deadline:
        before, found = found, {fact: _seen(settings, folder, fact) for fact in FACTS}
        if found != before:
            moved = time.monotonic()
        began = all(one.values for one in found.values())
        if all(one.committed >= EVENTS for one in found.values()) or (began and time.monotonic() - moved > 4):
            return found
        ended = [fact for fact, process in running.items() if process.poll() is not None]
        assert not ended, (folder / ended[0] / "out").read_text("utf-8", "replace")[-2000:]
        time.sleep(0.3)
    return found


def _seen(settings: Settings, folder: Path, fact: str) -> Seen:
    file = folder / fact / "seen"
    values = [int(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []
    reader = Consumer(connection(settings) | {"group.id": f"canary-{_topic(fact)}"})
    try:
        [place] = reader.committed([TopicPartition(_topic(fact), 0)], timeout=10)
    except KafkaException:  # the group is being made
        return Seen(values, 0)
    finally:
        reader.close()
    return Seen(values, max(0, place.offset))
