"""The lane on a real broker: nothing lost, nothing twice, whatever its surroundings do."""

import asyncio
import json
from typing import Any

import pytest

from schemas.codec import encode
from streams.letters.parking import DeadLetterLimit
from tests.builders import liked, unliked
from tests.streams.kafka import BOOK, Log, RememberingFold, running, silent, until

pytestmark = pytest.mark.servers
TOPIC = "rf.engagement.v1"


def likes(mark: str, count: int) -> list[dict[str, Any]]:
    """Events of several types and users, all different."""
    made = []
    for number in range(count):
        make = (liked, unliked)[number % 2]
        made.append(make(f"{mark}-u{number % 17}", f"v{number % 5}", number))
    return made


def fold_at_end(log: Log, name: str = "one") -> RememberingFold:
    return RememberingFold(name, (TOPIC,), log.ends(TOPIC))


async def test_every_event_is_folded_once_and_in_order(log: Log, group: str) -> None:
    fold, events = fold_at_end(log), likes(group, 3_000)
    async with running(log.settings, group, fold):
        for start in range(0, 3_000, 1_000):
            log.send(events[start : start + 1_000])
            await asyncio.sleep(0.1)
        await until(lambda: len(fold.ids()) >= 3_000)
    assert sorted(fold.ids()) == sorted(event["event_id"] for event in events)
    assert all(rows == sorted(rows) for rows in fold.seen.values())


async def test_a_restart_goes_on_where_the_store_stands(log: Log, group: str) -> None:
    fold, events = fold_at_end(log), likes(group, 600)
    log.send(events[:300])
    async with running(log.settings, group, fold):
        await until(lambda: len(fold.ids()) == 300)
    log.send(events[300:])
    async with running(log.settings, group, fold):
        await until(lambda: len(fold.ids()) >= 600)
    assert sorted(fold.ids()) == sorted(event["event_id"] for event in events)


async def test_a_sink_that_is_away_is_waited_for_and_its_neighbour_goes_on(log: Log, group: str) -> None:
    fold, other, events = fold_at_end(log), fold_at_end(log, "other"), likes(group, 400)
    async with running(log.settings, group, fold, other) as lane:
        await until(lambda: lane.lane.assignment and len(lane.lane.assignment.held) == 4)
        fold.away = True
        for start in range(0, 400, 100):
            log.send(events[start : start + 100])
            await asyncio.sleep(0.2)
        await until(lambda: len(other.ids()) >= 100 and lane.lane.waiting)
        assert fold.ids() == []
        fold.away = False
        await until(lambda: len(fold.ids()) >= 400 and len(other.ids()) >= 400)
        await until(lambda: not lane.lane.waiting)
    assert len(set(fold.ids())) == len(fold.ids()) == 400


async def test_a_sink_that_is_away_at_the_start_is_waited_for(log: Log, group: str) -> None:
    fold, events = fold_at_end(log), likes(group, 50)
    fold.away = True
    log.send(events)
    async with running(log.settings, group, fold):
        await asyncio.sleep(1.0)
        fold.away = False
        await until(lambda: len(fold.ids()) == 50)


async def test_a_store_that_another_worker_moved_on_is_followed_not_overwritten(log: Log, group: str) -> None:
    fold, events = fold_at_end(log), likes(group, 200)
    async with running(log.settings, group, fold):
        log.send(events[:100])
        await until(lambda: len(fold.ids()) == 100)
        for key, position in log.ends(TOPIC).items():  # someone else folds what comes next
            log.send_bytes(*key, encode(liked(f"{group}-x", "v", key[1]), BOOK))
            fold.ledger.positions[key] = position + 1
        log.send(events[100:])
        await until(lambda: len(fold.ids()) >= 200)
    assert sorted(fold.ids()) == sorted(event["event_id"] for event in events)


async def test_a_store_that_lost_its_positions_is_filled_again(log: Log, group: str) -> None:
    fold, events = fold_at_end(log), likes(group, 100)
    log.send(events)
    async with running(log.settings, group, fold) as lane:
        await until(lambda: len(fold.ids()) == 100)
        fold.ledger.positions.clear()
        fold.seen.clear()
        for outlet in lane.lane.outlets:
            await outlet.runner.audit()
        ends = log.ends(TOPIC)
        await until(lambda: fold.ledger.positions == {key: end for key, end in ends.items() if end})
    assert {event["event_id"] for event in events} <= set(fold.ids())
    offsets = {key: [offset for offset, _ in rows] for key, rows in fold.seen.items()}
    assert all(seen == sorted(set(seen)) for seen in offsets.values()), "each record once, and in order"


async def test_what_lies_before_the_position_is_shown_again_after_a_restart(log: Log, group: str) -> None:
    fold, events = fold_at_end(log), likes(group, 200)
    fold.history_ms = 60_000
    async with running(log.settings, group, fold):
        log.send(events)
        await until(lambda: len(fold.ids()) == 200)
    fold.warmed.clear()
    async with running(log.settings, group, fold):
        log.send(likes(f"{group}-more", 10))
        await until(lambda: len(fold.ids()) >= 210)
    assert sum(stop - start for start, stop in fold.warmed) >= 200
    assert len(fold.ids()) == 210


async def test_unreadable_messages_are_parked_once_and_harm_no_neighbour(log: Log, group: str) -> None:
    fold, events = fold_at_end(log), likes(group, 60)
    bodies = [encode(event, BOOK) for event in events]
    poison: list[bytes | None] = [None, b"", b"{}", bodies[0][:-3], b"\x00\x00\x00\xff\xff" + bodies[0][5:]]
    async with running(log.settings, group, fold) as lane:
        start = log.ends(TOPIC)[TOPIC, 1]
        for at, bad in enumerate(poison):
            log.send_bytes(TOPIC, 1, *bodies[at * 12 : at * 12 + 12], bad)
        await until(lambda: len(fold.ids()) >= 60 and len(lane.office.letters) >= 5)
        end = log.ends(TOPIC)[TOPIC, 1]
        await until(lambda: fold.ledger.positions[TOPIC, 1] == end)
    assert sorted(fold.ids()) == sorted(event["event_id"] for event in events)
    letters = lane.office.letters
    assert [letter.value for letter in letters] == poison
    assert [letter.offset for letter in letters] == [start + 12 + 13 * at for at in range(5)]
    assert [letter.error.reason for letter in letters] == [
        "no_value",
        "bad_magic",
        "bad_magic",
        letters[3].error.reason,
        "unknown_schema",
    ]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # where it would exit
async def test_too_many_unreadable_messages_stop_the_worker(log: Log, group: str) -> None:
    fold = fold_at_end(log)
    limit = DeadLetterLimit(in_a_row=10)
    async with running(log.settings, group, fold, limit=limit) as lane:
        log.send_bytes(TOPIC, 2, *[b"junk"] * 11)
        await until(lambda: lane.left)
    code, line = lane.left[0]
    assert code == 65
    assert "11 unreadable messages in a row on rf.engagement.v1/2" in line


async def test_a_registry_that_is_away_is_waited_for(log: Log, group: str) -> None:
    fold = fold_at_end(log)
    async with running(log.settings, group, fold, lookup=silent) as lane:
        body = encode(liked(group, "v"), BOOK)
        log.send_bytes(TOPIC, 0, b"\x00\x00\x00\xff\xff" + body[5:])
        await until(lambda: lane.lane.waiting)
        assert lane.office.letters == []
    assert fold.ids() == []


async def test_a_bug_in_a_fold_ends_the_process(log: Log, group: str) -> None:
    fold = fold_at_end(log)
    fold.broken = KeyError("bug")
    async with running(log.settings, group, fold) as lane:
        log.send(likes(group, 1))
        await until(lambda: lane.left)
    assert lane.left[0][0] == 70
    assert json.dumps(lane.left[0][1]).count("fold one failed") == 1
    assert fold.ids() == []


async def test_positions_are_committed_for_lag_monitors(log: Log, group: str) -> None:
    fold = fold_at_end(log)
    async with running(log.settings, group, fold):
        log.send(likes(group, 100))
        await until(lambda: len(fold.ids()) == 100)
        ends = log.ends(TOPIC)
        await until(lambda: log.committed(group, TOPIC) == ends)


async def test_lanes_that_join_and_leave_lose_nothing_and_fold_nothing_twice(log: Log, group: str) -> None:
    ledger, events, enough = fold_at_end(log).ledger, list[dict[str, Any]](), asyncio.Event()
    folds = [RememberingFold("one", (TOPIC,), {}) for _ in range(3)]
    for fold in folds:
        fold.ledger = ledger  # one store, as workers share it

    def ids() -> list[str]:
        return [one for fold in folds for one in fold.ids()]

    async def feed() -> None:
        while len(events) < 3_000 or not enough.is_set():
            some = likes(f"{group}-{len(events)}", 60)
            await asyncio.to_thread(log.send, some)
            events.extend(some)

    async with running(log.settings, group, folds[0], slot="a"):
        feeding = asyncio.create_task(feed())
        await until(lambda: folds[0].ids(), 60)
        async with running(log.settings, group, folds[1], slot="b"):
            await until(lambda: folds[1].ids(), 60)
        async with running(log.settings, group, folds[2], slot="c"):
            await until(lambda: folds[2].ids(), 60)
            enough.set()
            await feeding
            await until(lambda: len(ids()) >= len(events), 40)
    assert sorted(ids()) == sorted(event["event_id"] for event in events)
    assert all(rows == sorted(rows) for fold in folds for rows in fold.seen.values())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # where it would exit
async def test_of_two_workers_in_one_slot_the_older_one_ends_and_says_why(log: Log, group: str) -> None:
    first, second = fold_at_end(log), fold_at_end(log)
    async with running(log.settings, group, first) as older:
        await until(lambda: older.lane.assignment and len(older.lane.assignment.held) == 4)
        async with running(log.settings, group, second) as newer:
            await until(lambda: older.left, 30)
            await until(lambda: newer.lane.assignment and len(newer.lane.assignment.held) == 4, 30)
            assert newer.left == []
    code, line = older.left[0]
    assert code == 76
    assert group in line
    assert "fenced" in line.lower()
