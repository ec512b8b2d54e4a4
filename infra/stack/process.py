"""One child process of the supervisor: started in a group of its own, stopped for certain."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from infra.cache import PROJECT

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class Child:
    """A running command, its output appended to ``log``."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=PROJECT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self.pid = self._process.pid
        self.started = start_time(self.pid)

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def ask_to_stop(self) -> None:
        """Send SIGTERM; returns at once."""
        if self.code is None:
            self._process.terminate()

    def wait(self, timeout_s: float) -> None:
        """Wait for its end, at most so long; then kill it and whatever it has started itself."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        _kill_group(self.pid)
        self._process.wait()


def start_time(pid: int) -> float:
    """When a process started (epoch seconds): with the pid it names a process for good; 0 when gone."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return 0.0


def alive(pid: int, started: float) -> bool:
    """Whether this very process still runs: not another one that got its pid, not a zombie."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < 1.0
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def stop(pid: int, started: float, timeout_s: float) -> None:
    """Stop a process that is not a child of ours: SIGTERM, then SIGKILL to its group after the bound."""
    if not alive(pid, started):
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while alive(pid, started) and time.monotonic() < deadline:
        time.sleep(0.05)
    if alive(pid, started):
        _kill_group(pid)


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _die_with_parent() -> None:
    """A supervisor that is killed takes its parts along: none outlives it unseen."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
