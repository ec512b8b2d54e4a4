"""Lines that are told of every request, written together: one write for many, within 50 ms.

A write for each line is a system call for each request, and gives the interpreter away while it runs. The
cost of waiting: a process that is killed loses the lines of its last 50 ms, and a tail sees them so much
later. Any other line is written at once, after those that wait: the order is that of what happened.
"""

import asyncio
import atexit
import logging
import threading
from typing import BinaryIO, TextIO

WAIT_S = 0.05
FULL = 64 << 10


class Together:
    """An output for whole lines. Any thread may write; what waits does so on the loop of its thread."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._lock = threading.RLock()  # a finalizer may log while a line is written
        self._held: list[bytes] = []
        self._size = 0
        self._timed = False
        atexit.register(self.flush)

    def often(self, line: bytes) -> None:
        """A line that may wait; where no loop runs there is nobody to write it later, and it does not."""
        with self._lock:
            self._held.append(line)
            self._size += len(line)
            if self._size >= FULL:
                self._write(b"")
                return
            timed, self._timed = self._timed, True
        if not timed:
            self._later()

    def write(self, line: bytes) -> int:
        """A line that does not wait, after those that did."""
        with self._lock:
            self._write(line)
        return len(line)

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            self._write(b"")

    def _later(self) -> None:
        try:
            asyncio.get_running_loop().call_later(WAIT_S, self._due)
        except RuntimeError:
            self._due()

    def _due(self) -> None:
        with self._lock:
            self._timed = False
            self._write(b"")

    def _write(self, line: bytes) -> None:
        held, self._held, self._size = self._held, [], 0
        if held or line:
            self._out.write(b"".join([*held, line]))
            self._out.flush()


class AfterThose(logging.StreamHandler):  # type: ignore[type-arg]
    """The standard library's lines, after those that wait."""

    def __init__(self, together: Together, stream: TextIO) -> None:
        super().__init__(stream)
        self._together = together

    def emit(self, record: logging.LogRecord) -> None:
        self._together.flush()
        super().emit(record)
