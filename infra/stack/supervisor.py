"""The one process that starts the stack's parts, watches them, and stops them.

While starting, a failure stops everything with one sentence. Once the stack is ready a part that dies is
restarted with bounded backoff, and the others go on; one that ended with a code that a restart cannot mend
stays down, and the status says what to do.
"""

import contextlib
import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from infra.cache import Cache
from infra.settings import InvalidSettings, Settings
from infra.stack.part import Part
from infra.stack.preflight import NotReady, check_ports, check_tools, reap
from infra.stack.process import start_time
from infra.stack.secret_file import local_environment
from infra.stack.status import StackState, StackStatus, write_status
from infra.stack.table import stack
from infra.stack.watched import PartDied, Watched
from infra.stack.workers import Changes, changes, none
from infra.telemetry import Log, configure

TICK_S = 0.1
CHANGE_S = 0.5
WELL = ("ready", "done", "retiring")
_LOG = Log("stack")


class Supervisor:
    """Runs parts until it is told to stop."""

    def __init__(self, parts: Sequence[Part], data: Path, changes: Changes = none) -> None:
        """``changes`` says again and again which parts come and go while the stack runs."""
        self._data = data
        self._parts = parts
        self._watched = [Watched(part, data) for part in parts]
        self._changes = changes
        self._looked = 0.0
        self._stopping = False
        self._state: StackState = "starting"
        self._said: StackStatus | None = None
        self._started = start_time(os.getpid())

    def stop(self, *_: object) -> None:
        """Ask `run` to come to its end: the signal handler."""
        self._stopping = True

    def run(self) -> int:
        """Start, watch, stop; the exit code: 1 when the start failed."""
        try:
            reap(self._data)
            check_ports(self._parts)
            self._write("")
            self._start()
            self._watch()
        except (NotReady, PartDied) as error:
            return self._end("failed", str(error))
        except OSError as error:
            return self._end("failed", f"the stack cannot run: {error}; see {self._data / 'logs'}")
        return self._end("stopped", "")

    def _start(self) -> None:
        _LOG.info("stack_starting", data=str(self._data))
        while not self._stopping and not all(one.settled for one in self._watched):
            for one in self._watched:
                one.step(self._settled())
            self._write("")
            time.sleep(TICK_S)

    def _watch(self) -> None:
        if not self._stopping:
            self._state = "ready"
            _LOG.info("stack_ready")
        while not self._stopping:
            self._change()
            for one in self._watched:
                try:
                    one.step(self._settled())
                except PartDied as error:
                    one.fail(error)
            ill = [one.part.name for one in self._watched if one.state not in WELL]
            self._state = "degraded" if ill else "ready"
            self._write(f"not well: {', '.join(ill)}" if ill else "")
            time.sleep(TICK_S)

    def _change(self) -> None:
        """Let parts come and go."""
        self._watched = [one for one in self._watched if not one.gone]
        if time.monotonic() - self._looked < CHANGE_S:
            return
        self._looked = time.monotonic()
        more, less = self._changes({one.part.name for one in self._watched})
        self._watched += [Watched(part, self._data) for part in more]
        for one in self._watched:
            if one.part.name in less:
                one.retire()

    def _end(self, state: StackState, message: str) -> int:
        """Stop all parts, dependents first, then write the last word."""
        self._state = "stopping"
        self._write(message)
        for one in reversed(self._watched):
            one.ask_to_stop()
            one.finish()
        self._state = state
        self._write(message)
        _LOG.info("stack_stopped", message=message)
        return 1 if state == "failed" else 0

    def _settled(self) -> set[str]:
        return {one.part.name for one in self._watched if one.settled}

    def _write(self, message: str) -> None:
        parts = tuple(one.status() for one in self._watched)
        status = StackStatus(self._state, os.getpid(), self._started, message, parts)
        if status != self._said:
            write_status(self._data, status)
            self._said = status


@contextlib.contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the data folder for this supervisor; raises NotReady when another one has it."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotReady(f"a stack is already running on {data}: see `reelfold status`") from None
        yield


def main() -> int:
    """The supervisor's process: everything it needs to know is in the environment."""
    environment = local_environment(os.environ, create=True)
    settings = Settings.from_env(environment)
    configure(settings.log_level, "supervisor")
    cache = Cache.from_env(environment)
    with only_one(settings.data):
        try:
            check_tools(cache)
        except NotReady as error:
            write_status(settings.data, StackStatus("failed", os.getpid(), 0.0, str(error)))
            raise
        supervisor = Supervisor(stack(environment, cache), settings.data, changes(settings, environment))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, supervisor.stop)
        return supervisor.run()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (NotReady, InvalidSettings) as problem:
        sys.stderr.write(f"{problem}\n")
        sys.exit(1)
