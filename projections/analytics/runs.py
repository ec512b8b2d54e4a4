"""From the runs loaded of a partition to the position: pure."""

from collections.abc import Iterable
from typing import NamedTuple


class Run(NamedTuple):
    """The offsets [first, next) are in the tables; ``clock`` is the broker's time of the newest."""

    first: int
    next: int
    clock: int


def chain(runs: Iterable[Run]) -> Run | None:
    """The first unbroken chain of runs as one, or None without any. Behind a gap nothing counts."""
    whole: Run | None = None
    for run in sorted(runs):
        if whole is None:
            whole = run
        elif run.first <= whole.next:
            whole = Run(whole.first, max(whole.next, run.next), max(whole.clock, run.clock))
    return whole
