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
_WIDTH = 90


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
        self._shells = {step.name: Shell(step.name, self._log(logs, step)) for step in self._steps}
        self._running: dict[Future[None], Step] = {}
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._count = 0

    def run(self) -> None:
        """Run what is not done yet; raises the first StepFailed after letting the others finish.

        KeyboardInterrupt ends the commands that run; what was finished stays finished.
        """
        with ThreadPoolExecutor(max_workers=max(1, len(self._steps))) as pool:
            try:
                while self._waiting or self._running:
                    for step in self._ready():
                        self._running[pool.submit(self._do, step)] = step
                    for future in self._look():
                        self._finished.add(self._running.pop(future).name)
                        if error := future.exception():
                            self._let_finish()
                            raise error
            except KeyboardInterrupt:
                for shell in self._shells.values():
                    shell.stop()
                raise

    def _ready(self) -> list[Step]:
        ready = [step for step in self._waiting if self._finished.issuperset(step.needs)]
        self._waiting = [step for step in self._waiting if step not in ready]
        return ready

    def _look(self) -> set[Future[None]]:
        done, _ = wait(self._running, timeout=HEARTBEAT_S, return_when=FIRST_COMPLETED)
        if not done:
            for step in self._running.values():
                self._say(f"{step.name}: {self._shells[step.name].last_line()[:_WIDTH] or 'still at it'}")
        return done

    def _let_finish(self) -> None:
        """Let what runs come to its end: it is kept, and the next run need not do it again."""
        self._waiting.clear()
        while any(not future.done() for future in self._running):
            self._look()

    def _do(self, step: Step) -> None:
        began = time.monotonic()
        shell = self._shells[step.name]
        self._say(f"{step.name}: started")
        shell.log.unlink(missing_ok=True)
        try:
            step.run(shell)
        except StepFailed:
            self._say(f"{step.name}: failed")
            raise
        except Exception as error:
            self._say(f"{step.name}: failed")
            raise StepFailed(f"{step.name} failed: {error}; see {shell.log}") from error
        with self._lock:
            self._count += 1
            count = self._count
        self._say(f"{step.name}: done in {time.monotonic() - began:.0f} s ({count} of {len(self._steps)})")

    def _say(self, line: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - self._began:4.0f} s] {line}\n")
        sys.stderr.flush()

    @staticmethod
    def _log(logs: Path, step: Step) -> Path:
        return logs / f"{step.name.replace(' ', '-')}.log"
