"""Runs cases one after the other, on as few stacks as they allow."""

import asyncio
import time
from collections.abc import Callable, Sequence
from random import Random

from infra.chaos import log
from infra.chaos.case import ZERO_LAG_S, Case, Outcome, Run, redelivered
from infra.chaos.checker import Verdict, verify
from infra.chaos.ground import Ground
from infra.chaos.lag import at_ends
from infra.chaos.load import Load
from infra.chaos.town import Town
from infra.chaos.waiting import CaseFailed
from infra.clock import SystemClock
from infra.kafka.config import producer
from infra.kafka.publisher import Publisher
from infra.registry import load_book

Say = Callable[[str], None]
LONGEST_S = 600.0
"""Besides twice the time that it is said to take: a case that takes longer hangs."""


class Runner:
    """``say`` gets a line for each step. The ground of the last case stays for the next one of its kind."""

    def __init__(self, seed: int, say: Say, longest_s: float = LONGEST_S) -> None:
        self._seed, self._say, self._longest_s = seed, say, longest_s
        self._ground: Ground | None = None
        self._kind: Callable[[], Ground] | None = None
        self._nth = 0

    async def run(self, cases: Sequence[Case]) -> list[Outcome]:
        """Every case's outcome, in order; nothing runs afterwards."""
        left = sum(case.seconds for case in cases)
        outcomes = []
        try:
            for nth, case in enumerate(cases, 1):
                self._say(f"[{nth}/{len(cases)}, about {left / 60:.0f} min left] {case.name}: {case.about}")
                outcomes.append(await self.one(case))
                left -= case.seconds
        finally:
            await self.close()
        return outcomes

    async def one(self, case: Case) -> Outcome:
        """One case; a ground that it leaves in an unknown state is taken down."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._longest_s + 2 * case.seconds):
                outcome = await self._attempt(case)
        except TimeoutError as error:
            outcome = await self._failed(case, f"it hangs, or a wait ran out: {error}", begun)
        except CaseFailed as error:
            outcome = await self._failed(case, str(error), begun)
        except Exception as error:  # whatever it was: the other cases have their turn
            outcome = await self._failed(case, repr(error), begun)
        word = "good" if outcome.good else "FAILED: " + "; ".join(outcome.problems)
        self._say(f"    {word} ({outcome.seconds:.0f} s)")
        return outcome

    async def _failed(self, case: Case, said: str, begun: float) -> Outcome:
        if self._ground is not None:  # its logs go with it
            for line in self._ground.complaints():
                self._say(f"    {line}")
        await self.close()
        return Outcome(case.name, problems=(said,), seconds=time.monotonic() - begun)

    async def close(self) -> None:
        """Take the ground down."""
        ground, self._ground = self._ground, None
        if ground is not None:
            await ground.down()

    async def _attempt(self, case: Case) -> Outcome:
        ground = await self._ground_of(case)
        begun, read_again, clock = time.monotonic(), redelivered(ground), SystemClock()
        settings = ground.settings
        self._nth += 1
        town = Town.named(f"{case.name}-{self._seed}-{self._nth}")
        since = await asyncio.to_thread(log.ends, settings)
        trusted = Publisher(producer(settings), load_book(settings), settings.produce_deadline_s)
        load = Load(settings, ground.apis, town, self._seed, clock)
        run = Run(ground, load, trusted, Random(f"{case.name}:{self._seed}"), clock, self._seed)
        try:
            await load.settle(trusted)
            if case.rate:
                load.begin(case.rate)
            await case.act(run)
            await ground.restore()
            await load.finish()
            ends = await self._settled(run)
            verdict = await asyncio.to_thread(verify, settings, load, since, ends, run.parked)
        finally:
            await load.close()
            await asyncio.to_thread(trusted.close, 2.0)
        return _outcome(case, run, verdict, redelivered(ground) - read_again, time.monotonic() - begun)

    async def _settled(self, run: Run) -> log.Vector:
        """Zero lag, and the log's ends at it."""
        settings, begun = run.ground.settings, time.monotonic()
        ends = await asyncio.to_thread(log.ends, settings)
        await at_ends(settings, ends, "zero lag after the case", ZERO_LAG_S)
        run.recovery_s = run.recovery_s or time.monotonic() - begun
        return ends

    async def _ground_of(self, case: Case) -> Ground:
        if self._ground is None or self._kind is not case.ground:
            await self.close()
            self._say("    starting a stack")
            self._kind, self._ground = case.ground, case.ground()
            try:
                await self._ground.up()
            except BaseException:
                await self.close()
                raise
        return self._ground


def _outcome(case: Case, run: Run, verdict: Verdict, again: int, seconds: float) -> Outcome:
    return Outcome(
        name=case.name,
        acknowledged=verdict.acknowledged,
        kills=run.kills,
        lost=verdict.lost,
        extra=verdict.extra,
        redelivered=again,
        state_equal=verdict.state_equal,
        recovery_s=run.recovery_s,
        problems=(*verdict.problems, *run.problems),
        figures=run.figures,
        seconds=seconds,
    )
