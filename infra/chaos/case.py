"""What a case is, what it is given, and what comes of it."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from infra.chaos import log
from infra.chaos.ground import Ground
from infra.chaos.lag import at_ends
from infra.chaos.load import Load
from infra.chaos.log import Letter
from infra.chaos.waiting import CaseFailed
from infra.clock import Clock
from infra.kafka.publisher import Publisher

ZERO_LAG_S = 180.0
FIRST_EVENT_S = 90.0
_AGAIN = re.compile(r'"again": ?(\d+)')


@dataclass(slots=True)
class Run:
    """One case under way. The case does its faults; the frame then ends the load, restores the ground, waits
    for zero lag and compares.

    A case counts its blows in ``kills``, and calls `mended` when a fault has ended. What else it measures
    goes into ``figures`` by name; what it promises and did not see, into ``problems``; what it parked on
    purpose into ``parked``. It raises CaseFailed where going on makes no sense.
    """

    ground: Ground
    load: Load
    trusted: Publisher
    random: Random
    clock: Clock
    seed: int
    kills: int = 0
    recovery_s: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    parked: set[Letter] = field(default_factory=set)
    kept: bool = False
    """Somebody starts a worker again that has left: none at all is then a matter of moments."""

    def kill(self, name: str) -> None:
        """kill -9, counted."""
        self.ground.kill(name)
        self.kills += 1

    async def dies(self, name: str, within_s: float = 60.0) -> None:
        """An armed part is killed by its failpoint; counted. CaseFailed when it ends otherwise, or not."""
        code = await self.ground.ended(name, within_s)
        if code != -9:
            raise CaseFailed(f"{name} ended with code {code}, not at its failpoint")
        self.kills += 1

    async def mended(self, since: float | None = None) -> float:
        """The fault has ended, at ``since`` (time.monotonic, else now): wait until every fold has applied
        what the log holds at this moment. The seconds that took; the case's recovery is the longest."""
        begun = time.monotonic() if since is None else since
        ends = await asyncio.to_thread(log.ends, self.ground.settings)
        await at_ends(
            self.ground.settings,
            ends,
            "every fold has applied what the log held",
            ZERO_LAG_S,
            or_else=self._left_alone,
        )
        if self._left_alone():
            raise CaseFailed(f"no worker is left that could catch up: {self.ground.last_words()}")
        took = time.monotonic() - begun
        self.recovery_s = max(self.recovery_s, took)
        return took

    def _left_alone(self) -> bool:
        return not self.kept and not self.ground.workers()

    def figure(self, name: str, value: float) -> None:
        """Measure; of several the greatest is kept."""
        self.figures[name] = max(value, self.figures.get(name, value))

    def expect(self, holds: bool, sentence: str) -> None:
        """Note a promise that was not kept."""
        if not holds:
            self.problems.append(sentence)


Act = Callable[[Run], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Case:
    """``about`` says fault and expectation in a line. ``ground`` builds the stack that it runs on: cases that
    name the same one share it. ``seconds`` is about how long it takes."""

    name: str
    about: str
    act: Act
    seconds: float = 20.0
    ground: Callable[[], Ground] = Ground
    rate: float = 120.0
    """Events a second that run beside it; 0: the case brings its own."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a case has shown. ``redelivered``: records that a lane read again though a fold had them."""

    name: str
    acknowledged: int = 0
    kills: int = 0
    lost: int = 0
    extra: int = 0
    redelivered: int = 0
    state_equal: bool = False
    recovery_s: float = 0.0
    problems: tuple[str, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether all that is promised was kept."""
        return not (self.lost or self.extra or self.problems) and self.state_equal

    def document(self) -> dict[str, Any]:
        """For machines: the promised fields, no more."""
        return {
            "name": self.name,
            "acknowledged": self.acknowledged,
            "kills": self.kills,
            "lost": self.lost,
            "extra": self.extra,
            "redelivered": self.redelivered,
            "state_equal": self.state_equal,
            "recovery_s": round(self.recovery_s, 2),
        }


def redelivered(ground: Ground) -> int:
    """Records read again by all lives of all workers so far: each says so when it finds its place."""
    workers = [name for name in ground.parts if name.startswith("worker-")]
    return sum(int(found) for name in workers for found in _AGAIN.findall(ground.said(name)))
