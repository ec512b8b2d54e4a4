"""Load over HTTP that keeps book: what was sent, and what was acknowledged with a 202 and a verdict.

A client as the API asks for: after 503 and 429, and when no answer came, the same body again with the same
ids. So in the end everything sent is acknowledged; until then what was sent may or may not be in the log.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import httpx
import orjson

from infra.access.tokens import mint
from infra.chaos.town import EVENTS_A_VIEW, Town, publication
from infra.chaos.waiting import CaseFailed
from infra.clock import Clock
from infra.demo.simulation import Simulated
from infra.kafka.publisher import LogUnavailable, Publisher
from infra.settings import Settings

BATCH = 100
TICK_S = 0.5
GIVE_UP_S = 150.0
PAUSE_S = 0.2
TOGETHER = 6
"""Requests under way at once."""


class Load:
    """One town's load. ``apis`` are addresses of the API, used in turn, the next one after a failure."""

    def __init__(self, settings: Settings, apis: Sequence[str], town: Town, seed: int, clock: Clock) -> None:
        self.town = town
        self.sent: dict[str, Simulated] = {}
        self.acknowledged: dict[str, Simulated] = {}
        """By event_id; each is also in ``sent``."""
        self.answers: Counter[str] = Counter()
        """How requests ended: a status, or the name of what went wrong."""
        self.slowest_s = 0.0
        self._settings, self._apis, self._seed, self._clock = settings, list(apis), seed, clock
        self._http = httpx.AsyncClient(timeout=20, trust_env=False)
        self._tokens: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None
        self._going = False
        self._rounds = 0
        self._room = asyncio.Semaphore(TOGETHER)

    async def close(self) -> None:
        """Stop posting, and let go of the connections."""
        self._going = False
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._http.aclose()

    async def settle(self, trusted: Publisher) -> None:
        """The people sign up, the first videos are published."""
        await self.post_all(self.town.registrations(self._clock.now_ms()))
        for video in self.town.videos:
            await self.publish(trusted, publication(video, self._clock.now_ms()))

    async def publish(self, trusted: Publisher, facts: Sequence[dict[str, Any]]) -> None:
        """Facts of a trusted service, straight to the log until it says yes."""
        deadline = time.monotonic() + GIVE_UP_S
        told = {fact["event_id"]: Simulated(fact["actor_id"], fact) for fact in facts}
        self.sent |= told
        while True:
            try:
                await trusted.publish_all(facts)
            except LogUnavailable as error:
                self.answers["log_unavailable"] += 1
                if time.monotonic() > deadline:
                    raise CaseFailed(f"the log took nothing for {GIVE_UP_S:.0f} s: {error}") from error
                await asyncio.sleep(PAUSE_S)
            else:
                self.acknowledged |= told
                return

    def begin(self, rate: float = 200.0) -> None:
        """Post about this many events a second in the background, until `finish`."""
        self._going = True
        self._task = asyncio.create_task(self._run(rate))

    async def finish(self) -> None:
        """Post no more; returns when all that was sent is acknowledged. CaseFailed when that cannot be."""
        self._going = False
        if self._task is not None:
            task, self._task = self._task, None
            await task

    async def until(self, events: int, within_s: float = 120.0) -> None:
        """Wait until this many more events were acknowledged."""
        wanted, deadline = len(self.acknowledged) + events, time.monotonic() + within_s
        while len(self.acknowledged) < wanted:
            if self._task is not None and self._task.done():
                await self._task
            if time.monotonic() > deadline:
                raise CaseFailed(f"fewer than {events} events were acknowledged within {within_s:.0f} s")
            await asyncio.sleep(0.02)

    async def post_all(self, events: Sequence[Simulated]) -> None:
        """Post these, each person's in order, people side by side."""
        by_actor: dict[str, list[Simulated]] = defaultdict(list)
        for one in events:
            by_actor[one.actor_id].append(one)
        await asyncio.gather(*(self._post_in_order(actor, own) for actor, own in by_actor.items()))

    async def _run(self, rate: float) -> None:
        views = max(1, round(rate * TICK_S / EVENTS_A_VIEW))
        while self._going:
            begun = time.monotonic()
            self._rounds += 1
            await self.post_all(
                self.town.doings(self._seed * 10_000 + self._rounds, views, self._clock.now_ms())
            )
            await asyncio.sleep(max(0.0, TICK_S - (time.monotonic() - begun)))

    async def _post_in_order(self, actor: str, events: Sequence[Simulated]) -> None:
        for at in range(0, len(events), BATCH):
            async with self._room:
                await self._post(actor, events[at : at + BATCH])

    async def _post(self, actor: str, events: Sequence[Simulated]) -> None:
        told = {one.event["event_id"]: one for one in events}
        self.sent |= told
        body, deadline = orjson.dumps([one.event for one in events]), time.monotonic() + GIVE_UP_S
        while (refusal := await self._attempt(actor, body)) is not None:
            if time.monotonic() > deadline:
                raise CaseFailed(f"a batch was not accepted for {GIVE_UP_S:.0f} s, at last: {refusal}")
        self.acknowledged |= told

    async def _attempt(self, actor: str, body: bytes) -> str | None:
        """One request; None when every event was accepted, else why not, after the pause asked for."""
        begun, address = time.monotonic(), self._apis[0]
        headers = {"Authorization": f"Bearer {self._token(actor)}", "Content-Type": "application/json"}
        try:
            answer = await self._http.post(f"{address}/v1/events", content=body, headers=headers)
        except httpx.TransportError as error:
            self.answers[type(error).__name__] += 1
            if self._apis[0] == address:  # else another post has turned already, and this would turn back
                self._apis.append(self._apis.pop(0))
            await asyncio.sleep(PAUSE_S)
            return repr(error)
        finally:
            self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
        self.answers[str(answer.status_code)] += 1
        if answer.status_code == httpx.codes.ACCEPTED:
            refused = [one for one in answer.json()["events"] if one["status"] != "accepted"]
            if not refused:
                return None
            raise CaseFailed(f"{len(refused)} events were rejected, the first: {refused[0]}")
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._tokens.pop(actor, None)
        elif answer.status_code not in (429, 500, 502, 503, 504):
            raise CaseFailed(f"the API answered {answer.status_code}: {answer.text[:300]}")
        await asyncio.sleep(min(1.0, float(answer.headers.get("Retry-After", PAUSE_S))))
        return f"{answer.status_code} {answer.text[:200]}"

    def _token(self, actor: str) -> str:
        if actor not in self._tokens:
            self._tokens[actor] = mint(self._settings, self._clock.now_ms(), user_id=actor)
        return self._tokens[actor]
