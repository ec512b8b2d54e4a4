"""The whole stack as a user starts it: `reelfold up` on free ports and in a data folder of its own.

Parts can be killed and frozen; the supervisor under test brings them back.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import httpx

from infra.settings import Settings
from infra.stack.process import alive
from infra.stack.secret_file import local_settings
from infra.stack.status import PartStatus, StackStatus, read_status
from tests.e2e.waiting import until_true
from tests.stack import stack_environment

PRODUCE_DEADLINE_S = 3.0
ARCHIVE_ROWS = 100


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack. ``environment`` is a user's: it holds no secrets, the data folder does."""

    environment: dict[str, str]

    @property
    def data(self) -> Path:
        return Path(self.environment["REELFOLD_DATA"])

    @property
    def settings(self) -> Settings:
        """With the stack's own secrets."""
        return local_settings(self.environment)

    @property
    def api(self) -> str:
        """The API's address."""
        return f"http://{self.settings.api_host}:{self.settings.api_port}"

    def reelfold(self, *words: str, timeout_s: float = 120.0) -> "subprocess.CompletedProcess[str]":
        """Run the command as a user does."""
        command = [str(Path(sys.executable).with_name("reelfold")), *words]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def status(self) -> StackStatus:
        """What the supervisor last wrote."""
        return read_status(self.data)

    def part(self, name: str) -> PartStatus:
        """One part of it."""
        return next(part for part in self.status().parts if part.name == name)

    def kill(self, name: str) -> PartStatus:
        """kill -9; answers what the part was."""
        part = self.part(name)
        os.kill(part.pid, signal.SIGKILL)
        return part

    def freeze(self, name: str) -> PartStatus:
        """Let a part answer nothing, as one that hangs does, until it is killed."""
        part = self.part(name)
        os.kill(part.pid, signal.SIGSTOP)
        return part

    async def back(self, was: PartStatus, within_s: float = 60.0) -> None:
        """Wait until another process has taken the place of this one, and is ready."""

        def is_back() -> bool:
            now = self.part(was.name)
            return now.state == "ready" and (now.pid, now.started) != (was.pid, was.started)

        await until_true(is_back, f"{was.name} is back", within_s)

    async def well(self, within_s: float = 90.0) -> None:
        """Wait until every part is ready and the worker reads every partition."""

        def is_well() -> bool:
            if self.status().state != "ready":
                return False
            worker = f"http://127.0.0.1:{self.settings.worker_web_port}/readyz"
            try:
                return all(
                    httpx.get(url, timeout=2).status_code == 200 for url in (worker, f"{self.api}/readyz")
                )
            except httpx.HTTPError:
                return False

        await until_true(is_well, "the stack is well", within_s)


def started(more: Mapping[str, str] = MappingProxyType({})) -> Stack:
    """`reelfold up`, with these settings too; returned from when everything is healthy."""
    data = Path(tempfile.mkdtemp(prefix="reelfold-e2e-"))
    short = {
        "REELFOLD_PRODUCE_DEADLINE_S": str(PRODUCE_DEADLINE_S),
        "REELFOLD_ARCHIVE_ROWS": str(ARCHIVE_ROWS),
    }
    stack = Stack({**stack_environment(data), **short, **more})
    done = stack.reelfold("up", timeout_s=180)
    assert done.returncode == 0, done.stderr + complaints(data)
    return stack


def stopped(stack: Stack) -> None:
    """`reelfold down`; nothing runs afterwards, and the folder is gone."""
    parts = [part for part in stack.status().parts if part.pid]
    done = stack.reelfold("down")
    left = [part.name for part in parts if alive(part.pid, part.started)]
    shutil.rmtree(stack.data, ignore_errors=True)
    assert done.returncode == 0, done.stderr
    assert left == []


def complaints(data: Path) -> str:
    """The last lines of every log that are not mere information."""
    files = sorted((data / "logs").glob("*.log"))
    return "".join(f"\n--- {file.name}\n" + "\n".join(_complaints(file)) for file in files)


def _complaints(log: Path) -> list[str]:
    lines = log.read_text("utf-8", "replace").splitlines()
    return [line[:2000] for line in lines if not re.search(r'"level": ?"info"', line)][-15:]


def documents(text: str) -> list[dict[str, object]]:
    """JSON lines."""
    return [json.loads(line) for line in text.splitlines()]
