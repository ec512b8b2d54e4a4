"""Runs the commands of one step, their output in the step's log."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class StepFailed(Exception):
    """A step could not be done; the message is one plain sentence for the user."""


class Shell:
    """Commands with one log file. ``step`` names it in messages."""

    def __init__(self, step: str, log: Path) -> None:
        self.step = step
        self.log = log

    def run(self, *command: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        """Run to the end; raises StepFailed when it is not there or exits non-zero."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a", encoding="utf-8") as out:
            out.write(f"$ {' '.join(command)}\n")
            out.flush()
            code = _call(command, out.fileno(), {**os.environ, **(env or {})}, cwd)
        if code:
            raise StepFailed(f"{self.step} failed: {Path(command[0]).name} {_said(code)}; see {self.log}")


def _call(command: Sequence[str], out: int, env: Mapping[str, str], cwd: Path | None) -> int:
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=cwd, check=False
        ).returncode
    except FileNotFoundError:
        return 127


def _said(code: int) -> str:
    return "is not on this machine" if code == 127 else f"ended with code {code}"
