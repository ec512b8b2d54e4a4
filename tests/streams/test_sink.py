"""A fold at work: what it does when the worker stops, and when its store fails in ways nobody foresaw."""

import asyncio
import threading
from typing import NoReturn

import pytest

from infra.clock import HandClock
from projections.position import StoreUnavailable
from streams.folding.handouts import Handout, Handouts
from streams.folding.runner import FoldRunner
from streams.lane.memory import MemoryLog
from tests.builders import liked
from tests.streams.kafka import Left, RememberingFold

TOPIC = "rf.engagement.v1"
KEY = (TOPIC, 0)


def leave(code: int, line: str, error: BaseException | None = None) -> NoReturn:
    raise Left(f"{code} {line}")


class Ending(RememberingFold):
    """Has something to finish beside its batches; may be held up in the middle of one."""

    def __init__(self) -> None:
        super().__init__("f", (TOPIC,), {KEY: 0})
        self.finished: list[int] = []
        self.go_on = threading.Event()
        self.go_on.set()

    def apply(self, batch: object, expected: int | None) -> None:
        self.go_on.wait(5)
        super().apply(batch, expected)  # type: ignore[arg-type]

    def close(self) -> None:
        self.finished.append(len(self.ids()))


def at_work(fold: RememberingFold) -> tuple[FoldRunner, Handouts]:
    log = MemoryLog(partitions=1)
    for at in range(3):
        log.append(liked("u", f"v{at}", at), appended_at=at)
    runner = FoldRunner(fold, lambda key: None, HandClock(), leave=leave)
    runner.start(KEY, log.partition(*KEY), 1)
    return runner, Handouts.of(Handout(log.read(KEY, 0, 3)[0], 1))


async def test_a_batch_that_comes_after_the_end_is_left_to_the_next_worker() -> None:
    runner, handout = at_work(fold := Ending())
    runner.close()
    await runner.handle(handout)
    await runner.audit()
    assert fold.ids() == []


async def test_what_is_being_folded_at_the_end_is_finished_and_then_the_fold_closed() -> None:
    runner, handout = at_work(fold := Ending())
    fold.go_on.clear()
    busy = asyncio.create_task(runner.handle(handout))
    await asyncio.sleep(0.05)
    runner.close()
    fold.go_on.set()
    await asyncio.to_thread(runner.finish, 5.0)
    await busy
    assert fold.finished == [3]


async def test_a_fold_that_hangs_does_not_hold_the_end() -> None:
    runner, handout = at_work(fold := Ending())
    fold.go_on.clear()
    busy = asyncio.create_task(runner.handle(handout))
    await asyncio.sleep(0.05)
    runner.close()
    await asyncio.to_thread(runner.finish, 0.05)
    assert fold.finished == []
    fold.go_on.set()
    await busy


async def test_a_sink_that_is_away_does_not_hold_the_end() -> None:
    runner, handout = at_work(fold := Ending())
    fold.away = True
    waiting = asyncio.create_task(runner.handle(handout))
    await asyncio.sleep(0.1)
    runner.close()
    await asyncio.wait_for(waiting, 3.0)
    with pytest.raises(StoreUnavailable):
        runner.start(KEY, MemoryLog().partition(*KEY), 2)
    runner.drop(KEY)


async def test_a_bug_in_the_audit_ends_the_process_and_an_outage_does_not() -> None:
    runner, _ = at_work(fold := Ending())
    fold.away = True
    await runner.audit()
    assert runner.down
    fold.away = False
    await runner.audit()
    assert not runner.down
    fold.position = lambda *key: 1 / 0
    with pytest.raises(Left, match="70 fold f cannot tell where it stands"):
        await runner.audit()
