"""Reads at a fixed rate, whatever becomes of the answers, and counts the good ones.

Open loop: a read begins when it is due, not when the one before has come back, so that an outage of a second
fails or delays as many reads as it would of users. Good is a 200 with the right content within GOOD_S of the
moment it was due.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle

import httpx

from infra.access.tokens import mint
from infra.chaos.exhibit import Question
from infra.clock import Clock
from infra.settings import Settings

GOOD_S = 6.0
LATE_S = 1.0
"""A prober whose own machine keeps it from asking catches up on so much, and leaves out the rest."""
TOKEN_MS = 10 * 60_000
DOWN_S = 1.0
SHOWN = 5


class Balancer:
    """Goes from an API process that does not answer to the next, as a load balancer does for reads: on
    connections that are refused or lost, never on an answer; who failed is left out for DOWN_S."""

    def __init__(self, addresses: Sequence[str], http: httpx.AsyncClient) -> None:
        self._addresses = list(addresses)
        self._http = http
        self._down_until: dict[str, float] = {}
        self.failovers = 0

    async def get(self, path: str, headers: dict[str, str]) -> httpx.Response:
        """The answer of the first that gives one; httpx.TransportError when none does."""
        now = asyncio.get_running_loop().time()
        self._addresses.append(self._addresses.pop(0))
        order = sorted(self._addresses, key=lambda one: self._down_until.get(one, 0.0) > now)
        for address in order[:-1]:
            try:
                return await self._http.get(address + path, headers=headers)
            except httpx.TransportError:
                self._down_until[address] = asyncio.get_running_loop().time() + DOWN_S
                self.failovers += 1
        return await self._http.get(order[-1] + path, headers=headers)


@dataclass(slots=True)
class Tally:
    """What came of the reads since `Prober.tally` was last called."""

    asked: int = 0
    good: int = 0
    late: int = 0
    """Good ones that took more than a second."""
    slowest_s: float = 0.0
    bad: Counter[str] = field(default_factory=Counter)

    @property
    def share(self) -> float:
        """Of good answers; 1 when nothing was asked."""
        return self.good / self.asked if self.asked else 1.0

    def worst(self) -> str:
        """The commonest failures."""
        return ", ".join(f"{many} x {what}" for what, many in self.bad.most_common(SHOWN))


class Prober:
    """``rate`` reads a second from `begin` to `end`."""

    def __init__(
        self,
        settings: Settings,
        apis: Sequence[str],
        questions: Sequence[Question],
        clock: Clock,
        rate: float,
    ) -> None:
        self._http = httpx.AsyncClient(
            timeout=GOOD_S, trust_env=False, limits=httpx.Limits(max_connections=None)
        )
        self.balancer = Balancer(apis, self._http)
        self._settings, self._clock, self._rate = settings, clock, rate
        self._questions = list(questions)
        self._tokens: dict[str, tuple[int, str]] = {}
        self._tally = Tally()
        self._asking: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Ask from now on."""
        self._task = asyncio.create_task(self._run())

    async def end(self) -> None:
        """Ask no more; wait for what is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, *self._asking, return_exceptions=True)
        await self._http.aclose()

    def tally(self) -> Tally:
        """What came of the reads that have ended since the last call."""
        found, self._tally = self._tally, Tally()
        return found

    async def everything(self) -> Tally:
        """Ask each question once, now."""
        now = asyncio.get_running_loop().time()
        await asyncio.gather(*(self._ask(question, now) for question in self._questions))
        return self.tally()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        for question in cycle(self._questions):
            await asyncio.sleep(max(0.0, due - loop.time()))
            task = loop.create_task(self._ask(question, due))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
            due = max(due + 1 / self._rate, loop.time() - LATE_S)

    async def _ask(self, question: Question, due: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(due + GOOD_S):
                answer = await self._answer(question)
            reason = "" if answer.status_code == httpx.codes.OK else str(answer.status_code)
            if not reason and not question.right(answer):
                reason = "wrong content"
        except (httpx.HTTPError, TimeoutError) as error:
            reason = type(error).__name__
        self._note(question, reason, loop.time() - due)

    async def _answer(self, question: Question) -> httpx.Response:
        if question.media:
            return await self._http.get(question.target)
        headers = {"Authorization": f"Bearer {self._token(question.user)}"} if question.user else {}
        return await self.balancer.get(question.target, headers)

    def _note(self, question: Question, reason: str, took_s: float) -> None:
        tally = self._tally
        tally.asked += 1
        if reason:
            tally.bad[f"{question.kind}: {reason}"] += 1
            return
        tally.good += 1
        tally.late += took_s > 1.0
        tally.slowest_s = max(tally.slowest_s, took_s)

    def _token(self, user: str) -> str:
        now, (until, token) = self._clock.now_ms(), self._tokens.get(user, (0, ""))
        if now > until:
            token = mint(self._settings, now, user_id=user)
            self._tokens[user] = now + TOKEN_MS, token
        return token
