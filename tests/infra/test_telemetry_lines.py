"""Lines of every request wait for company; nothing else waits, and none is lost but by a kill."""

import asyncio
import io
import json
import logging
import subprocess
import sys

import pytest

from infra import telemetry_lines
from infra.telemetry_lines import AfterThose, Together


class Output(io.BytesIO):
    """Bytes that count their writes."""

    writes = 0

    def write(self, data: object) -> int:
        self.writes += 1
        return super().write(data)  # type: ignore[arg-type]


async def test_lines_are_written_together_and_soon() -> None:
    out = Output()
    lines = Together(out)
    for nth in range(100):
        lines.often(b"%d\n" % nth)
    assert out.writes == 0
    await asyncio.sleep(2 * telemetry_lines.WAIT_S)
    assert out.writes == 1
    assert out.getvalue() == b"".join(b"%d\n" % nth for nth in range(100))
    lines.often(b"again\n")
    await asyncio.sleep(2 * telemetry_lines.WAIT_S)
    assert out.getvalue().endswith(b"again\n")


async def test_what_waits_is_bounded_and_the_clock_still_runs_after_it() -> None:
    out = Output()
    lines = Together(out)
    lines.often(b"." * telemetry_lines.FULL)
    assert len(out.getvalue()) == telemetry_lines.FULL
    lines.often(b"one more\n")
    await asyncio.sleep(2 * telemetry_lines.WAIT_S)
    assert out.getvalue().endswith(b"one more\n")


async def test_any_other_line_comes_at_once_after_those_that_wait() -> None:
    out = Output()
    lines = Together(out)
    lines.often(b"1\n")
    lines.write(b"2\n")
    assert out.getvalue() == b"1\n2\n"
    lines.often(b"3\n")
    logger = logging.Logger("foreign")
    logger.addHandler(AfterThose(lines, io.TextIOWrapper(out, write_through=True)))
    logger.warning("4")
    assert out.getvalue() == b"1\n2\n3\n4\n"


def test_where_no_loop_runs_nothing_waits() -> None:
    out = Output()
    lines = Together(out)
    lines.often(b"1\n")
    lines.often(b"2\n")
    assert out.getvalue() == b"1\n2\n"


async def test_threads_lose_none() -> None:
    out = Output()
    lines = Together(out)

    def write() -> None:
        for _ in range(2_000):
            lines.write(b"w\n")

    thread = asyncio.create_task(asyncio.to_thread(write))
    for nth in range(2_000):
        lines.often(b"o\n")
        if nth % 50 == 0:
            await asyncio.sleep(0)
    await thread
    lines.flush()
    assert sorted(out.getvalue().splitlines()) == [b"o"] * 2_000 + [b"w"] * 2_000


_PROGRAM = """
import asyncio, logging, time
from infra.telemetry import Log, configure

configure("info", "api")
log = Log("api")

async def main():
    log.often("request_served", request_id="1")
    log.warning("store_unavailable", request_id="2")
    log.often("request_served", request_id="3")
    logging.getLogger("uvicorn.error").warning("4")
    log.often("request_served", request_id="5")
    {end}

asyncio.run(main())
"""


@pytest.mark.parametrize(("end", "told"), [
    ("pass", 5), ("raise SystemExit(3)", 5), ("time.sleep(0); import os; os.kill(os.getpid(), 9)", 4),
])  # fmt: skip
def test_only_a_kill_loses_lines_and_order_is_kept(end: str, told: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(end=end)], capture_output=True, timeout=60, check=False
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line.get("request_id", line["event"]) for line in lines] == ["1", "2", "3", "4", "5"][:told]
