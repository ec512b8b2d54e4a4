"""Runs of messages, as fetched: of one partition each, and several end to end."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain

from schemas.codec import HEADER
from schemas.errors import InvalidEvent


@dataclass(slots=True)
class Run:
    """Consecutive messages of one partition. ``start`` is the position they were read from."""

    topic: str
    partition: int
    start: int
    offsets: list[int] = field(default_factory=list)
    appended_at: list[int] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def next(self) -> int:
        """The position after the run."""
        return self.offsets[-1] + 1 if self.offsets else self.start

    def add(self, offset: int, appended_at: int, value: bytes | None) -> None:
        """One message more."""
        self.offsets.append(offset)
        self.appended_at.append(appended_at)
        self.values.append(value)

    def schema_ids(self) -> set[int]:
        """Every id that a well-formed header of this run names. No registry gives out 0: nobody is asked for
        it, and zeros are no event also while the registry is away."""
        size = HEADER.size
        heads = {value[:size] for value in self.values if value}
        return {int(HEADER.unpack(head)[1]) for head in heads if _well_formed(head)} - {0}


@dataclass(frozen=True, slots=True)
class Invalid:
    """A message that is no event: its index in the run, and why. ``schema_id`` where it names one."""

    index: int
    error: InvalidEvent
    schema_id: int | None


@dataclass(frozen=True, slots=True)
class Messages:
    """The messages of all runs, one run after the other."""

    partitions: Sequence[int]
    offsets: Sequence[int]
    appended_at: Sequence[int]
    values: Sequence[bytes | None]

    @classmethod
    def of(cls, runs: Sequence[Run]) -> "Messages":
        if len(runs) == 1:
            (run,) = runs
            return cls([run.partition] * len(run), run.offsets, run.appended_at, run.values)
        return cls(
            [run.partition for run in runs for _ in run.offsets],
            [*chain.from_iterable(run.offsets for run in runs)],
            [*chain.from_iterable(run.appended_at for run in runs)],
            [*chain.from_iterable(run.values for run in runs)],
        )


def by_run(invalid: Sequence[Invalid], runs: Sequence[Run]) -> list[list[Invalid]]:
    """The invalid messages of each run, in offset order, by their indices in it."""
    found: list[list[Invalid]] = [[] for _ in runs]
    firsts = [0, *accumulate(map(len, runs))]
    for one in sorted(invalid, key=lambda one: one.index):
        nth = bisect_right(firsts, one.index) - 1
        found[nth].append(Invalid(one.index - firsts[nth], one.error, one.schema_id))
    return found


def _well_formed(head: bytes) -> bool:
    return len(head) == HEADER.size and head[0] == 0
