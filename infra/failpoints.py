"""Places in the code where a process can be made to die, so that a test hits the very step it means.

    REELFOLD_FAIL_AT=after_sink             SIGKILL when the step is reached for the first time
    REELFOLD_FAIL_AT=after_sink:3           ... for the third time
    REELFOLD_FAIL_AT=after_sink@feed:3      ... by the fold `feed` only
    REELFOLD_FAIL_AT=before_sink:3=stop     SIGSTOP instead: a process that hangs, and comes back on SIGCONT

For fault runs only (`reelfold chaos`). Where the variable is not set, `reach` is one comparison.
"""

import os
import re
import signal
import threading
from dataclasses import dataclass, field
from typing import Literal, get_args

VARIABLE = "REELFOLD_FAIL_AT"
Step = Literal[
    "before_sink",  # a batch is about to be written into a fold's store
    "after_rows",  # ClickHouse has a batch's rows, and not yet its offsets
    "after_sink",  # the store said yes, and the process has not noted it
    "between_sinks",  # one fold is done with a batch; others may not have it
    "before_ack",  # positions are about to be told to Kafka
    "after_ack",  # they were told
    "after_publish",  # the broker has the events of a request, and nobody has answered it
]
_SPELLING = re.compile(
    r"(?P<step>[a-z_]+)(@(?P<where>[\w.-]+))?(:(?P<count>[1-9]\d*))?(=(?P<how>kill|stop))?"
)
_SIGNALS = {None: signal.SIGKILL, "kill": signal.SIGKILL, "stop": signal.SIGSTOP}


@dataclass(slots=True)
class Failpoint:
    """Ends this process at the ``count``-th time that ``step`` is reached (``where``: by that one only)."""

    step: str
    where: str = ""
    count: int = 1
    blow: signal.Signals = signal.SIGKILL
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reach(self, step: str, where: str) -> None:
        """Count, and strike once."""
        if step != self.step or (self.where and where != self.where):
            return
        with self._lock:
            self.count -= 1
            strikes = self.count == 0
        if strikes:
            os.kill(os.getpid(), self.blow)


def parse(text: str) -> Failpoint | None:
    """The failpoint that the variable's value asks for, None for an empty one; raises ValueError."""
    if not text:
        return None
    said = _SPELLING.fullmatch(text)
    if said is None or said["step"] not in get_args(Step):
        steps = ", ".join(get_args(Step))
        raise ValueError(
            f"{VARIABLE}={text}: write step[@fold][:count][=stop], with one of the steps {steps}"
        )
    return Failpoint(said["step"], said["where"] or "", int(said["count"] or 1), _SIGNALS[said["how"]])


_armed = parse(os.environ.get(VARIABLE, ""))


def reach(step: Step, where: str = "") -> None:
    """Say that this step is reached, ``where`` for instance by which fold."""
    if _armed is not None:
        _armed.reach(step, where)
