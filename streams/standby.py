"""A worker with a standby: after a crash the next process is at work at once.

Most of a worker's start is loading libraries: two seconds of a core, and twice that on a busy machine. The
standby has done that and waits for its turn without a connection or a place in any group. It takes over when
a signal ended the worker (the kernel out of memory, a library's crash, kill -9). A worker that ends by itself
says with its code what is to be done, and so is not replaced here: that is the supervisor's to judge.

`python -m streams.standby`. This process itself loads next to nothing; when it dies, both others die with it.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from types import FrameType

WAITING = "--standby"
"""A worker with this argument loads, and begins when it is told to."""
COMMAND = (sys.executable, "-m", "streams.worker", WAITING)
SETTLE_S = 10.0
"""A standby is made when the worker has been at work for so long: it is not to slow its start."""
MOST, WITHIN_S = 5, 60.0
"""More deaths within this time are no accident: then this process ends too, and the supervisor backs off."""
LOOK_S = 0.05
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class Standby:
    """The worker, and the one that waits. ``command`` starts either."""

    def __init__(self, command: Sequence[str] = COMMAND, settle_s: float = SETTLE_S) -> None:
        self._command, self._settle_s = command, settle_s
        self._worker = self._begun()
        self._waiting: subprocess.Popen[bytes] | None = None
        self._deaths: deque[float] = deque(maxlen=MOST)
        self._since = time.monotonic()
        self._stopping = False

    def stop(self, number: int = signal.SIGTERM, frame: FrameType | None = None) -> None:
        """Pass the signal on; `run` returns when the worker has ended."""
        self._stopping = True
        self._worker.send_signal(number)

    def run(self) -> int:
        """Until the worker ends for good: its exit code, 128 and the signal's number after a death."""
        while True:
            code = self._worker.poll()
            if code is None:
                self._prepare()
                time.sleep(LOOK_S)
            elif code >= 0 or self._stopping or not self._replaced(-code):
                self._dismiss()
                return code if code >= 0 else 128 - code

    def _prepare(self) -> None:
        if self._waiting is not None and self._waiting.poll() is not None:
            self._dismiss()  # it died in its sleep
            self._since = time.monotonic()
        if self._waiting is None and time.monotonic() - self._since >= self._settle_s:
            self._waiting = _spawned(self._command)

    def _replaced(self, number: int) -> bool:
        now = time.monotonic()
        if len(self._deaths) == MOST and now - self._deaths[0] < WITHIN_S:
            return False
        self._deaths.append(now)
        ready, self._waiting, self._since = self._waiting, None, now
        self._worker = self._begun(ready)
        if self._stopping:  # said while nobody was there to hear it
            self._worker.send_signal(signal.SIGTERM)
        dead = signal.Signals(number).name
        sys.stderr.write(f"reelfold worker: ended by {dead}; the standby takes over\n")
        return True

    def _begun(self, ready: "subprocess.Popen[bytes] | None" = None) -> "subprocess.Popen[bytes]":
        """Tell the one that waits to begin, or one that is made now."""
        for worker in (ready, None):
            worker = worker or _spawned(self._command)
            try:
                assert worker.stdin is not None
                worker.stdin.write(b"\n")
                worker.stdin.close()
            except BrokenPipeError:
                worker.wait()
                continue
            return worker
        raise OSError("the worker dies before it begins")

    def _dismiss(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.kill()
            waiting.communicate()


def wait_for_turn() -> None:
    """In a standby: return when it is to begin; end the process when nobody will ever say so."""
    if not sys.stdin.buffer.readline():
        os._exit(0)


def _spawned(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, stdin=subprocess.PIPE, preexec_fn=_die_with_parent)


def _die_with_parent() -> None:
    """Nobody would replace it or tell it to stop, and its slot is about to be taken by another."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> int:
    """Run a worker with a standby until SIGTERM or SIGINT."""
    standby = Standby()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, standby.stop)
    return standby.run()


if __name__ == "__main__":
    sys.exit(main())
