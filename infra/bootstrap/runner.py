"""Runs steps, side by side where they do not wait for each other, and says how far it is."""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from infra.bootstrap.shell import Shell, StepFailed

HEARTBEAT_S = 10.0


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that must be there. ``done`` is cheap and asked first; ``run`` raises StepFailed."""

    name: str
    done: Callable[[], bool]
    run: Callable[[Shell], None]
    needs: tuple[str, ...] = ()


class Runner:
    """Brings a list of steps to their end."""

    def __init__(self, steps: Sequence[Step], logs: Path) -> None:
        self._steps = [step for step in steps if not step.done()]
        self._waiting = list(self._steps)
        self._finished = {step.name for step in steps} - {step.name for step in self._steps}
        self._logs = logs
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._count = 0

    def run(self) -> None:
        """Run what is not done yet; raises the first StepFailed after letting the others finish."""
        running: dict[Future[None], Step] = {}
        with ThreadPoolExecutor(max_workers=max(1, len(self._steps))) as pool:
            while self._waiting or running:
                for step in self._ready():
                    running[pool.submit(self._do, step)] = step
                done, _ = wait(running, timeout=HEARTBEAT_S, return_when=FIRST_COMPLETED)
                if not done:
                    self._say("still working on " + ", ".join(step.name for step in running.values()))
                for future in done:
                    self._finished.add(running.pop(future).name)
                    if error := future.exception():
                        self._waiting.clear()
                        _finish(running)
                        raise error

    def _ready(self) -> list[Step]:
        ready = [step for step in self._waiting if self._finished.issuperset(step.needs)]
        self._waiting = [step for step in self._waiting if step not in ready]
        return ready

    def _do(self, step: Step) -> None:
        began = time.monotonic()
        log = self._logs / f"{step.name.replace(' ', '-')}.log"
        self._say(f"{step.name}: started")
        log.unlink(missing_ok=True)
        try:
            step.run(Shell(step.name, log))
        except OSError as error:
            raise StepFailed(f"{step.name} failed: {error}; see {log}") from error
        with self._lock:
            self._count += 1
            count = self._count
        self._say(f"{step.name}: done in {time.monotonic() - began:.0f} s ({count} of {len(self._steps)})")

    def _say(self, line: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - self._began:4.0f} s] {line}\n")
        sys.stderr.flush()


def _finish(running: dict[Future[None], Step]) -> None:
    """Let what runs come to its end: a half-built tool is dropped, a finished one is kept."""
    wait(running)
