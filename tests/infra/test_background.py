"""Facts that may be lost: kept in order while the log is away, dropped and counted past the bound."""

import asyncio
from collections.abc import Sequence

from infra.background import BATCH, BackgroundLog
from infra.kafka.messages import Event
from infra.kafka.publisher_memory import MemoryPublisher
from tests.builders import event


def served(number: int) -> dict[str, object]:
    return event("feed.served", "bob", number, feed="following", generation=1, items=[])


async def test_what_was_put_while_the_log_was_away_follows_in_order() -> None:
    log = MemoryPublisher()
    log.broken = True
    background = BackgroundLog(log, capacity=3, retry_s=0.001)
    assert [background.put(served(number)) for number in range(5)] == [True, True, True, False, False]
    await asyncio.sleep(0.01)
    assert len(background) == 3
    log.broken = False
    assert await background.close() == 0
    assert [one["occurred_at"] for one in log.events] == [0, 1, 2]


async def test_closing_does_not_wait_for_a_log_that_stays_away() -> None:
    log = MemoryPublisher()
    log.broken = True
    background = BackgroundLog(log, retry_s=0.001)
    background.put(served(1))
    assert await background.close(timeout_s=0.01) == 1
    assert len(background) == 0


async def test_an_event_that_cannot_be_encoded_does_not_hold_up_the_others() -> None:
    background = BackgroundLog(log := MemoryPublisher(), retry_s=0.001)
    background.put(served(1) | {"feed": None})
    await asyncio.sleep(0.01)
    background.put(served(2))
    assert await background.close() == 0
    assert [one["occurred_at"] for one in log.events] == [2]


async def test_a_broken_event_among_many_takes_no_other_with_it() -> None:
    background = BackgroundLog(log := MemoryPublisher(), retry_s=0.001)
    for number in range(20):
        broken: dict[str, object] = {"feed": None} if number in (7, 8) else {}
        background.put(served(number) | broken)
    assert await background.close() == 0
    assert [one["occurred_at"] for one in log.events] == [n for n in range(20) if n not in (7, 8)]


async def test_facts_of_one_moment_go_to_the_log_together() -> None:
    """A fact that comes while another waits is not a batch of its own; a full batch waits for nobody."""
    sizes: list[int] = []

    class Counting(MemoryPublisher):
        async def publish_all(self, events: Sequence[Event]) -> None:
            sizes.append(len(events))
            await super().publish_all(events)

    background = BackgroundLog(Counting(), gather_s=0.02)
    for number in range(5):
        background.put(served(number))
        await asyncio.sleep(0)
    await asyncio.sleep(0.06)
    assert sizes == [5]
    slow = BackgroundLog(Counting(), gather_s=60)
    for number in range(BATCH):
        slow.put(served(number))
    await asyncio.sleep(0.01)
    assert sizes == [5, BATCH]
