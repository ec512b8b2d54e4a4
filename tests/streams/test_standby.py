"""A worker with a standby: who takes over, when nobody does, and that nothing outlives anything."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from streams.standby import MOST, Standby

BODY = """
import os, pathlib, signal, sys, time
from streams.standby import wait_for_turn
wait_for_turn()
with open(sys.argv[1], "a") as book:
    book.write(f"{os.getpid()}\\n")
{then}
"""
LASTS = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); time.sleep(60)"
DIES = "os.kill(os.getpid(), signal.SIGSEGV)"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Who has begun, one pid a line."""
    return tmp_path / "book"


def pair(book: Path, then: str, settle_s: float = 0.0) -> Standby:
    return Standby([sys.executable, "-c", BODY.replace("{then}", then), str(book)], settle_s)


def begun(book: Path) -> list[int]:
    return [int(line) for line in book.read_text().splitlines()] if book.exists() else []


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def children() -> list[int]:
    """Those of the test, not the servers of the whole run."""
    return [one.pid for one in psutil.Process().children() if "wait_for_turn" in " ".join(_words(one))]


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def in_thread(standby: Standby) -> Callable[[], int]:
    """Run it beside the test; waits for its code."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(1)
    running = pool.submit(standby.run)
    return lambda: running.result(20)


def test_the_one_that_waited_takes_over_and_another_one_waits(book: Path) -> None:
    standby = pair(book, LASTS)
    ended = in_thread(standby)
    until(lambda: len(begun(book)) == 1 and len(children()) == 2)
    [first] = begun(book)
    [waiting] = set(children()) - {first}
    os.kill(first, signal.SIGKILL)
    until(lambda: len(begun(book)) == 2)
    assert begun(book) == [first, waiting]
    until(lambda: len(children()) == 2)
    standby.stop()
    assert ended() == 7
    assert not children()


def test_one_that_ends_by_itself_is_not_replaced(book: Path) -> None:
    assert in_thread(pair(book, "sys.exit(65)"))() == 65
    assert len(begun(book)) == 1
    assert not children()


def test_what_dies_again_and_again_is_given_up(book: Path) -> None:
    assert in_thread(pair(book, DIES))() == 128 + signal.SIGSEGV
    assert len(begun(book)) == MOST + 1
    assert not children()


def test_a_standby_that_died_in_its_sleep_is_replaced(book: Path) -> None:
    standby = pair(book, LASTS)
    ended = in_thread(standby)
    until(lambda: len(begun(book)) == 1 and len(children()) == 2)
    [first] = begun(book)
    [asleep] = set(children()) - {first}
    os.kill(asleep, signal.SIGKILL)
    until(lambda: len(set(children()) - {first, asleep}) == 1)
    standby.stop()
    assert ended() == 7
    assert begun(book) == [first]


def test_both_die_with_the_process_that_keeps_them(book: Path) -> None:
    program = (
        "from streams.standby import Standby; import sys; "
        f"Standby([sys.executable, '-c', {BODY.replace('{then}', LASTS)!r}, {str(book)!r}], 0.0).run()"
    )
    keeper = subprocess.Popen([sys.executable, "-c", program])
    until(lambda: len(begun(book)) == 1 and len(psutil.Process(keeper.pid).children()) == 2)
    family = psutil.Process(keeper.pid).children()
    keeper.kill()
    keeper.wait()
    assert not psutil.wait_procs(family, timeout=10)[1]
