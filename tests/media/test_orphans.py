"""A worker that is killed takes its encoder with it."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.media

WORKER = """
import asyncio, sys
from projections.renditions import ffmpeg
words = ["-re", "-f", "lavfi", "-i", "testsrc2=size=64x64", "-f", "mpegts", sys.argv[1]]
asyncio.run(ffmpeg.run(words, 60))
"""


def running(output: Path) -> int:
    words = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    return sum(one[:1] == ["ffmpeg"] and str(output) in one for one in words)


def until(output: Path, count: int) -> None:
    deadline = time.monotonic() + 20
    while running(output) != count:
        assert time.monotonic() < deadline, f"{running(output)} encoders run, not {count}"
        time.sleep(0.05)


def test_a_killed_worker_leaves_no_encoder(tmp_path: Path) -> None:
    output = tmp_path / "film.ts"
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(output)])
    try:
        until(output, 1)
    finally:
        worker.kill()
        worker.wait()
    until(output, 0)
