"""Readers beside a case: feeds and videos asked for all the while, every failed answer kept."""

import asyncio
import contextlib
import itertools
from collections.abc import Sequence

import httpx

from infra.access.tokens import mint
from infra.chaos.town import Town
from infra.clock import SystemClock
from infra.settings import Settings

PAUSE_S = 0.02


class Reading:
    """Asks a following feed, the trends and videos in turn; ``failed`` says what was not answered by 200."""

    def __init__(self, settings: Settings, apis: Sequence[str], town: Town) -> None:
        self.asked = 0
        self.failed: list[str] = []
        self._settings, self._api, self._town = settings, apis[0], town
        self._http = httpx.AsyncClient(timeout=10, trust_env=False)
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Ask in the background."""
        self._task = asyncio.create_task(self._run())

    async def end(self) -> None:
        """Ask no more. Safe to call again."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._http.aclose()

    async def _run(self) -> None:
        paths = ["/v1/feed/following", "/v1/feed/trending"]
        paths += [f"/v1/videos/{video.video_id}" for video in self._town.videos]
        for user, path in zip(itertools.cycle(self._town.users), itertools.cycle(paths), strict=False):
            await self._ask(user, path)
            await asyncio.sleep(PAUSE_S)

    async def _ask(self, user: str, path: str) -> None:
        token = mint(self._settings, SystemClock().now_ms(), user_id=user)
        self.asked += 1
        try:
            answer = await self._http.get(f"{self._api}{path}", headers={"Authorization": f"Bearer {token}"})
        except httpx.TransportError as error:
            self.failed.append(f"{path}: {error!r}")
            return
        if answer.status_code != httpx.codes.OK:
            self.failed.append(f"{path}: {answer.status_code} {answer.text[:200]}")
