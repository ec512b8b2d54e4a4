"""Runs the commands of one step, their output in the step's log."""

import contextlib
import os
import re
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

_TELLING = re.compile(r"^(E:|ERROR|\[ERROR\]|error:|fatal:|go:.*(:\s|lookup))|No space left", re.MULTILINE)
_AWAY = re.compile(
    r"connection (refused|timed out|reset)|name resolution|resolving|unknown host|no such host|unreachable"
    r"|dns error|error sending request|could not transfer|i/o timeout|max retries",
    re.IGNORECASE,
)
_LONGEST = 160


class StepFailed(Exception):
    """A step could not be done; the message is one plain sentence for the user."""


class Shell:
    """Commands with one log file. ``step`` names it in messages."""

    def __init__(self, step: str, log: Path) -> None:
        self.step = step
        self.log = log
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def run(self, *command: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        """Run to the end; raises StepFailed when it is not there or exits non-zero."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a", encoding="utf-8") as out:
            out.write(f"$ {' '.join(command)}\n")
            out.flush()
            began = out.tell()
            code = self._call(command, out.fileno(), {**os.environ, **(env or {})}, cwd)
        if code:
            raise StepFailed(self._said(Path(command[0]).name, code, began))

    def stop(self) -> None:
        """End the command that runs, if any, and begin no other: from another thread."""
        with self._lock:
            self._stopped = True
            process = self._process
        if process is not None and process.poll() is None:
            # what sudo runs is not ours to signal; the terminal has told it already
            with contextlib.suppress(PermissionError):
                process.terminate()

    def last_line(self) -> str:
        """What the running command said last, for a line of progress; empty when nothing yet."""
        lines = _tail(self.log).splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def _call(self, command: Sequence[str], out: int, env: Mapping[str, str], cwd: Path | None) -> int:
        with self._lock:
            if self._stopped:
                raise StepFailed(f"{self.step} was interrupted")
            try:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=cwd
                )
            except FileNotFoundError:
                return 127
        return self._process.wait()

    def _said(self, program: str, code: int, began: int) -> str:
        if code == 127:
            return f"{self.step} failed: {program} is not on this machine; see {self.log}"
        text = self.log.read_bytes()[began:].decode(errors="replace")
        telling = next((line for line in text.splitlines() if _TELLING.search(line)), "") or self.last_line()
        why = f" ({telling.strip()[:_LONGEST]})" if telling else ""
        away = " because a package registry does not answer" if _AWAY.search(text) else ""
        return f"{self.step} failed: {program} ended with code {code}{away}{why}; see {self.log}"


def _tail(log: Path, size: int = 2_000) -> str:
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - size))
        return file.read().decode(errors="replace")
