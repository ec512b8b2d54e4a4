"""A part that should give way does: in its own niceness, and in its session's where the kernel has that."""

import os
import sys
from pathlib import Path

from infra.settings import Settings
from infra.stack.part import Part
from infra.stack.process import Child
from infra.stack.table import clickhouse_part

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")


def _niceness(part: Part, log: Path) -> tuple[int, str]:
    child = Child(SLEEP, dict(os.environ), log, part.niceness)
    try:
        group = Path(f"/proc/{child.pid}/autogroup")
        return os.getpriority(os.PRIO_PROCESS, child.pid), group.read_text() if group.exists() else ""
    finally:
        child.ask_to_stop()
        child.wait(5)


def test_the_analytics_store_gives_way_and_others_do_not(tmp_path: Path) -> None:
    here = os.getpriority(os.PRIO_PROCESS, 0)
    nice, session = _niceness(clickhouse_part(Settings(), {}), tmp_path / "log")
    assert nice == max(10, here)
    assert session.strip().endswith("nice 10") or not session
    nice, session = _niceness(Part("other", SLEEP, None), tmp_path / "log")
    assert nice == here
    assert session.strip().endswith("nice 0") or not session
