"""Which dead letters are settled, and how many are open.

That one is settled is a fact on rf.ops.v1; nothing in rf.dlq.v1 is ever changed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.kafka.ops_facts import Told
from streams.letters.reading import Parked

REDRIVEN, DISCARDED = "deadletters.redriven", "deadletters.discarded"


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a letter, by which run, when (epoch ms)."""

    how: str
    run_id: str
    at: int


def settled(facts: Iterable[Told]) -> dict[str, Settled]:
    """Place -> what became of it; the first fact counts."""
    found: dict[str, Settled] = {}
    for told in facts:
        if told.kind in (REDRIVEN, DISCARDED):
            how = told.kind.partition(".")[2]
            for place in told.fact["places"]:
                found.setdefault(place, Settled(how, told.fact["run_id"], told.fact["occurred_at"]))
    return found


@dataclass(slots=True)
class Group:
    """Open letters of one partition that failed for one reason. Times in epoch ms."""

    topic: str
    partition: int
    reason: str
    letters: int = 0
    first: int = -1
    last: int = -1
    oldest_at: int = 0
    newest_at: int = 0

    def add(self, letter: Parked) -> None:
        """Count one."""
        offset, at = letter.place.offset, letter.parked_at
        self.first = offset if not self.letters else min(self.first, offset)
        self.oldest_at = at if not self.letters else min(self.oldest_at, at)
        self.last, self.newest_at = max(self.last, offset), max(self.newest_at, at)
        self.letters += 1

    def document(self, now_ms: int) -> dict[str, Any]:
        """For machines."""
        return {
            "topic": self.topic,
            "partition": self.partition,
            "reason": self.reason,
            "letters": self.letters,
            "first_offset": self.first,
            "last_offset": self.last,
            "oldest_s": max(0, now_ms - self.oldest_at) // 1000,
            "newest_s": max(0, now_ms - self.newest_at) // 1000,
        }


@dataclass(slots=True)
class Summary:
    """Open letters by group, and how many are settled."""

    groups: dict[tuple[str, int, str], Group] = field(default_factory=dict)
    settled: int = 0

    @property
    def open(self) -> int:
        """How many wait for somebody."""
        return sum(group.letters for group in self.groups.values())


def summary(letters: Iterable[Parked], done: Mapping[str, Settled]) -> Summary:
    """Count letters; those that are done are counted apart."""
    found = Summary()
    for letter in letters:
        if str(letter.place) in done:
            found.settled += 1
            continue
        key = (letter.place.topic, letter.place.partition, letter.reason)
        found.groups.setdefault(key, Group(*key)).add(letter)
    return found
