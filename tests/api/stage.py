"""The API over memory twins: tell it events, ask it over HTTP, fold what it published."""

from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from api.app import build
from api.callers.accounts import Principal, Refused
from api.parts import Parts
from api.reading.readers import FixedReadSource, Readers
from infra.access.keyring import Keyring, MemoryKeyStore
from infra.background import BackgroundLog
from infra.clock import HandClock
from infra.kafka.publisher_memory import MemoryPublisher
from infra.settings import Settings
from projections.catalog.memory import MemoryCatalog
from projections.engagement.memory import MemoryEngagement
from projections.feed.memory import MemoryFeed
from projections.graph.memory import MemoryGraph
from projections.lag import MemoryLag
from projections.memory_ledger import MemoryFold
from projections.renditions.memory import MemoryObjects
from projections.renditions.store import Objects
from projections.seen.memory import MemorySeen
from projections.trending.memory import MemoryTrending
from projections.trending.store import Window
from tests.builders import Event, Log, described, event, published

MEDIA = "http://media.test/m"


class TestTokens:
    """`Bearer ann` is the user ann, `Bearer operator:max` an operator, `Bearer anon:d1` a device."""

    __test__ = False

    async def principal(self, credential: str) -> Principal:
        if credential == "nobody":
            raise Refused("nobody is nobody")
        if credential.startswith("operator:"):
            return Principal(credential, "operator", "/ops")
        role = "device" if credential.startswith("anon:") else "user"
        return Principal(credential, role, "/client/test")  # type: ignore[arg-type]


class Stage:
    """One application and the state under it."""

    def __init__(self, folder: Path, objects: Objects | None = None, **settings: Any) -> None:
        self.clock = HandClock()
        self.catalog, self.graph, self.feed = MemoryCatalog(), MemoryGraph(), MemoryFeed()
        self.engagement = MemoryEngagement()
        self.seen, self.trends, self.lag = MemorySeen(), MemoryTrending(), MemoryLag()
        self.log = MemoryPublisher()
        self.history = Log(partitions=1)
        self._taken = 0
        self.keyring = Keyring(MemoryKeyStore(), bytes(32), self.clock)
        given = {"cursor_secret": SecretStr("s" * 32), "media_base_url": MEDIA} | settings
        self.parts = Parts(
            settings=Settings.model_validate(given),
            clock=self.clock,
            log=self.log,
            background=BackgroundLog(self.log, capacity=3, retry_s=0.01),
            objects=objects or MemoryObjects(folder),
            keyring=self.keyring,
            auth=TestTokens(),
            reads=FixedReadSource(self.readers()),
        )
        self.app = build(self.parts)

    def readers(self) -> Readers:
        """One generation over the twins."""
        return Readers(
            generation=7, catalog=self.catalog, graph=self.graph, engagement=self.engagement,
            feed=self.feed, seen=self.seen, trending=self.trends, lag=self.lag,
        )  # fmt: skip

    def tell(self, *events: Event) -> None:
        """Fold these events."""
        self.history.extend(events)
        folds: tuple[MemoryFold, ...] = (self.catalog, self.graph, self.feed, self.engagement, self.seen)
        for fold in folds:
            for batch in self.history.batches(*fold.topics):
                position = fold.position(batch.topic, batch.partition)
                rest = batch.since(position or 0)
                if rest.next > (position or 0):
                    fold.apply(rest, position)

    def fold_published(self) -> None:
        """Fold what the API published since the last time."""
        told = self.log.events
        for one in told[self._taken :]:
            self.tell(one)
        self._taken = len(told)

    def rank(self, window: Window, *video_ids: str) -> None:
        """Let these videos trend in this order, with the scores n, n - 1, ... 1."""
        scores = range(len(video_ids), 0, -1)
        self.trends.state.ranks[window] = [(float(n), one) for n, one in zip(scores, video_ids, strict=True)]

    async def ask(self, method: str, path: str, by: str | None = None, **request: Any) -> httpx.Response:
        """One HTTP request."""
        headers = request.pop("headers", {}) | ({"Authorization": f"Bearer {by}"} if by else {})
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
            return await client.request(method, path, headers=headers, **request)

    async def get(self, path: str, by: str | None = None, **request: Any) -> httpx.Response:
        """One GET."""
        return await self.ask("GET", path, by, **request)

    async def pages(self, path: str, by: str | None = None, limit: int = 2) -> list[list[dict[str, Any]]]:
        """Every page of a list, from the first to the one without a next."""
        found, query = [], {"limit": str(limit)}
        while True:
            answer = await self.get(path, by, params=query)
            assert answer.status_code == 200, answer.text
            body = answer.json()
            found.append(body["items"])
            if body["next_cursor"] is None:
                return found
            query = {"limit": str(limit), "cursor": body["next_cursor"]}


def playable(by: str, video: str, at: int = 0, **about: Any) -> list[Event]:
    """A video that was published at this time, with a master playlist, a rung, an MP4, a thumbnail."""
    place: dict[str, Any] = {"video_id": video, "ladder_version": "v1"}
    shape: dict[str, Any] = {
        "width": 720,
        "height": 1280,
        "codecs": "avc1",
        "sha256": "0" * 64,
        "duration_ms": 6000,
    }
    return [
        described(by, video, at, **about),
        event("playlist.created", by, at, key=f"{video}/master.m3u8", **place),
        event("rendition.created", by, at, key=f"{video}/720.m3u8", kind="hls", rung=720, **place, **shape),
        event("rendition.created", by, at, key=f"{video}/a.mp4", kind="mp4", rung=720, **place, **shape),
        event("thumbnail.created", by, at, key=f"{video}/t.jpg", video_id=video, width=360, height=640),
        published(by, video, at),
    ]
