"""How a worker ends when it must: with one clear last line and a code that says what to do.

Never by an exception: an agent that unwinds is restarted by Faust on the next item, and the item it
held is lost. A process that ends loses nothing, because positions are in the sinks.
"""

import logging
import os
import sys
from typing import NoReturn, Protocol

from infra.telemetry import Log

TOO_MANY_DEAD_LETTERS = 65
BUG = 70
STUCK = 75
FENCED = 76
"""The brokers refuse this consumer for good: mostly another worker that runs in the same slot."""
LOG_MISMATCH = 78

_log = Log("streams")


class Stopped(Exception):
    """The worker stops while something was waited for."""


class Leave(Protocol):
    """Ends the process; a test's twin raises instead."""

    def __call__(self, code: int, line: str, error: BaseException | None = None) -> NoReturn: ...


def leave(code: int, line: str, error: BaseException | None = None) -> NoReturn:
    """Say why, flush, and end the process at once with this code."""
    event = {TOO_MANY_DEAD_LETTERS: "dead_letter_limit", STUCK: "watchdog_exit", BUG: "agent_crashed"}
    _log.error(event.get(code, "lane_error"), code=code, detail=line, exc_info=error)  # type: ignore[arg-type]
    logging.shutdown()
    # The real stderr, past Faust's redirection: the supervisor shows this last line as it stands.
    print(f"reelfold worker: {line}", file=sys.__stderr__, flush=True)
    os._exit(code)
