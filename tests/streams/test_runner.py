"""A fold's runner seen from the lane and from those who watch it."""

import asyncio
import threading
from typing import Any, NoReturn

import pytest

from infra.clock import HandClock
from infra.telemetry import APPLIED, FOLD_SECONDS
from projections.position import StoreUnavailable
from streams.folding import runner
from streams.folding.handouts import Handout, Handouts
from streams.folding.hold import FREE
from streams.folding.progress import Key
from streams.folding.runner import FIRST_PAUSE_S, LONGEST_PAUSE_S, FoldRunner
from streams.lane.memory import MemoryLog
from tests.builders import liked
from tests.streams.kafka import Left, RememberingFold, until

TOPIC = "rf.engagement.v1"
KEYS: list[Key] = [(TOPIC, 0), (TOPIC, 1)]


def leave(code: int, line: str, error: BaseException | None = None) -> NoReturn:
    raise Left(f"{code} {line}")


class Site:
    """A runner over two partitions."""

    def __init__(self, name: str, positions: dict[Key, int] | None = None) -> None:
        self.fold = RememberingFold(name, (TOPIC,), positions or {})
        self.log, self.sought = MemoryLog(partitions=2), list[Key]()
        for n in range(30):
            self.log.append(liked(f"u{n}", "v", n), appended_at=n)
        self.runner = FoldRunner(self.fold, self.sought.append, HandClock(), leave=leave)

    def start(self) -> list[int]:
        return [self.runner.start(key, self.log.partition(*key), 1) for key in KEYS]

    def flush(self, start: int, count: int, keys: list[Key] = KEYS) -> Handouts:
        return Handouts.of(*(Handout(self.log.read(key, start, count)[0], 1) for key in keys))


def measured(name: str) -> tuple[float, float]:
    """(rows folded, seconds that took) by the metrics."""
    return APPLIED.labels(name)._value.get(), FOLD_SECONDS.labels(name)._sum.get()


async def test_the_lane_hears_where_to_read_and_where_the_fold_stands() -> None:
    site = Site("told", {KEYS[1]: 3})
    assert (site.runner.down, site.runner.held) == (False, False)
    assert site.runner.cursor(KEYS[0]) is None
    assert site.runner.position(KEYS[0]) is None
    assert site.start() == [0, 3]
    await site.runner.handle(site.flush(0, 2, KEYS[:1]))
    assert [site.runner.cursor(key) for key in KEYS] == [2, 3]
    assert [site.runner.position(key) for key in KEYS] == [2, 3]
    site.runner.drop(KEYS[0])
    assert [site.runner.cursor(key) for key in KEYS] == [None, 3]


async def test_a_place_that_was_lost_has_no_position_until_it_is_found_again() -> None:
    site = Site("lost")
    site.start()
    site.fold.ledger.positions[KEYS[0]] = 5
    await site.runner.handle(site.flush(0, 2, KEYS[:1]))
    assert site.sought == [KEYS[0]]
    assert site.runner.position(KEYS[0]) is None
    site.start()
    assert site.runner.position(KEYS[0]) == 5


def test_a_start_tells_of_a_store_that_is_away_and_of_one_that_is_back() -> None:
    site = Site("away")
    site.fold.away = True
    with pytest.raises(StoreUnavailable, match="away"):
        site.start()
    assert site.runner.down
    site.fold.away = False
    site.start()
    assert not site.runner.down
    site.runner.close()
    with pytest.raises(StoreUnavailable, match="^the worker is stopping$"):
        site.start()


@pytest.mark.parametrize("keys", [KEYS, KEYS[:1]])
async def test_what_was_folded_is_measured_once(keys: list[Key]) -> None:
    site = Site(f"measured-{len(keys)}")
    site.start()
    await site.runner.handle(site.flush(0, 3, keys))
    rows, seconds = measured(site.fold.name)
    assert rows == 3 * len(keys)
    assert 0 < seconds < 5
    await site.runner.handle(site.flush(0, 3, keys))
    assert measured(site.fold.name) == (rows, seconds)


async def test_a_handout_that_cannot_go_together_is_measured_by_its_parts() -> None:
    site = Site("parts")
    site.start()
    await site.runner.handle(site.flush(0, 2, KEYS[:1]))
    await site.runner.handle(site.flush(0, 4))
    assert measured("parts")[0] == 8
    assert len(site.fold.ids()) == 8


@pytest.mark.parametrize("keys", [KEYS, KEYS[:1]])
async def test_pauses_grow_while_a_store_is_away(keys: list[Key], monkeypatch: pytest.MonkeyPatch) -> None:
    site, pauses = Site("paused"), list[float]()
    site.start()
    site.fold.away = True
    rest = asyncio.sleep

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 8:
            site.fold.away = False
        await rest(0)

    monkeypatch.setattr("asyncio.sleep", sleep)
    await site.runner.handle(site.flush(0, 2, keys))
    assert pauses == [FIRST_PAUSE_S * 2**n for n in range(6)] + [LONGEST_PAUSE_S] * 2
    assert (FIRST_PAUSE_S, LONGEST_PAUSE_S, site.runner.down) == (0.05, 2.0, False)
    assert len(site.fold.ids()) == 2 * len(keys)


@pytest.mark.parametrize("keys", [KEYS, KEYS[:1]])
async def test_a_bug_ends_the_process_and_names_what_was_being_folded(keys: list[Key]) -> None:
    site = Site("broken")
    site.start()
    site.fold.broken = ValueError("nobody foresaw this")
    with pytest.raises(Left, match=r"70 fold broken failed on rf.engagement.v1/0 \[0, 2\)") as left:
        await site.runner.handle(site.flush(0, 2, keys))
    assert ("1 [0, 2)" in str(left.value)) == (len(keys) == 2)


@pytest.mark.parametrize("where", ["in the step", "after it"])
async def test_a_bug_in_what_was_held_back_ends_the_process_too(where: str, monkeypatch: Any) -> None:
    """It happens in a task of its own, whose exception nobody would see."""
    site, said = Site("broken"), list[str]()

    def told(code: int, line: str, error: BaseException | None = None) -> NoReturn:
        said.append(f"{code} {line}")
        raise Left(line)

    site.runner = FoldRunner(site.fold, site.sought.append, HandClock(), leave=told)
    site.start()
    site.runner.bound = lambda key: 0
    await site.runner.handle(site.flush(0, 2))
    if where == "in the step":
        site.fold.broken = ValueError("nobody foresaw this")
    else:
        monkeypatch.setattr("streams.folding.meters.Meters.measure", lambda *_: 1 / 0)
    site.runner.bound = FREE
    await until(lambda: bool(said))
    releasing = site.runner._held_back._releasing
    assert releasing is not None
    await asyncio.gather(releasing, return_exceptions=True)
    assert said[0].startswith("70 fold broken failed on rf.engagement.v1/0 [0, 2), 1 [0, 2): ")


async def test_an_audit_has_what_a_store_forgot_read_anew() -> None:
    site = Site("audited")
    site.start()
    await site.runner.handle(site.flush(0, 2))
    await site.runner.audit()
    assert site.sought == []
    del site.fold.ledger.positions[KEYS[1]]
    await site.runner.audit()
    assert site.sought == [KEYS[1]]


async def test_a_step_that_waits_for_its_store_can_be_told_from_one_that_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site, asked = Site("watched"), set[int]()

    def asks(thread_id: int) -> bool:
        asked.add(thread_id)
        return True

    monkeypatch.setattr(runner, "asks_a_store", asks)
    site.start()
    assert not site.runner.asking
    go_on = threading.Event()
    apply = site.fold.apply

    def held_up(*given: Any) -> None:
        go_on.wait(5)
        apply(*given)

    monkeypatch.setattr(site.fold, "apply", held_up)
    busy = asyncio.create_task(site.runner.handle(site.flush(0, 2)))
    await until(lambda: site.runner.asking)
    go_on.set()
    await busy
    assert not site.runner.asking
    assert asked == {one.ident for one in site.runner._thread._threads}
