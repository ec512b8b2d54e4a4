"""What a run took: wall time and processor time, the latter of every process that had a part in it."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

import psutil


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one contender: events, wall seconds, and processor seconds by process. ``more``: what
    else is told of it, by name with its unit."""

    events: int
    seconds: float
    cpu_s: Mapping[str, float]
    more: Mapping[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of processor time an event, over all processes."""
        return 1e6 * sum(self.cpu_s.values()) / self.events


@dataclass(slots=True)
class Stopwatch:
    """Running totals of some processes, each with its children."""

    pids: Mapping[str, int]
    began: float = 0.0
    spent: dict[str, float] | None = None

    def start(self) -> None:
        """From here."""
        self.spent = {name: cpu_of(pid) for name, pid in self.pids.items()}
        self.began = time.monotonic()

    def sample(self, events: int) -> Sample:
        """To here."""
        seconds, before = time.monotonic() - self.began, self.spent or {}
        return Sample(
            events, seconds, {name: cpu_of(pid) - before.get(name, 0.0) for name, pid in self.pids.items()}
        )


def cpu_of(pid: int) -> float:
    """Processor seconds of a process and of those below it so far, ended ones too; 0 for one that is gone.
    Of this process alone, for below it are the servers, which are counted by themselves."""
    try:
        process = psutil.Process(pid)
        family = [process, *([] if pid == os.getpid() else process.children(recursive=True))]
    except psutil.NoSuchProcess:
        return 0.0
    return sum(_own(one, ended=pid != os.getpid()) for one in family)


def _own(process: psutil.Process, ended: bool) -> float:
    """``ended``: with what its children took that are no more, or a total would shrink as they end."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    past = times.children_user + times.children_system if ended else 0.0
    return float(times.user + times.system + past)


Contender = Callable[[], Sample]


def interleaved(contenders: Mapping[str, Contender], runs: int, tell: Callable[[str], None]) -> "Runs":
    """Each contender in turn, so many rounds: what disturbs the machine disturbs them all alike."""
    found: dict[str, list[Sample]] = {name: [] for name in contenders}
    for turn in range(runs):
        for name, run in contenders.items():
            found[name].append(run())
            last = found[name][-1]
            tell(f"round {turn + 1} of {runs}: {name} {last.rate:,.0f}/s, {last.cpu_us:.1f} us/event")
    return found


Runs = Mapping[str, Sequence[Sample]]


def middle(samples: Sequence[Sample]) -> Sample:
    """The sample of the median rate."""
    return sorted(samples, key=lambda one: one.rate)[len(samples) // 2]


def ratio(runs: Runs, ours: str, other: str) -> float:
    """The median over rounds of ours against the other in the same round."""
    return median(a.rate / b.rate for a, b in zip(runs[ours], runs[other], strict=True))


@contextmanager
def lap(watch: Stopwatch) -> Iterator[Stopwatch]:
    """Started on entry."""
    watch.start()
    yield watch
