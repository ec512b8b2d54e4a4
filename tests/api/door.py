"""A door to knock at: the application over twins, without servers."""

import asyncio
import hashlib
import json
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, cast

import httpx

from api.app import build
from api.callers.credentials import ApiKey, Credentials, SharedKey
from api.parts import Parts
from api.reading.readers import FixedReadSource, Readers
from infra.access.keyring import Keyring, MemoryKeyStore
from infra.access.tokens import mint
from infra.background import BackgroundLog
from infra.clock import HandClock, new_event_id
from infra.kafka.publisher import EventLog
from infra.kafka.publisher_memory import MemoryPublisher
from infra.settings import Settings
from projections.catalog.memory import MemoryCatalog
from projections.position import StoreUnavailable
from tests.builders import Event, Log, described

SECRET = "a shared key of at least 32 bytes, for tests"
SERVICE_KEY = "rf_backfill_0123456789abcdef"
NARROW_KEY = "rf_narrow_0123456789abcdef"
NO_SCOPE_KEY = "rf_idle_0123456789abcdef"
NOW = 1_800_000_000_000


class Catalog(MemoryCatalog):
    """The memory catalog; ``down`` makes it fail, ``slow_s`` makes it late. Counts what it is asked."""

    down = False
    slow_s = 0.0
    asked = 0

    async def videos(self, video_ids: list[str]) -> list[Any]:
        self.asked += 1
        await asyncio.sleep(self.slow_s)
        if self.down:
            raise StoreUnavailable("down by hand")
        return list(await super().videos(video_ids))

    def fold(self, events: Iterable[Event]) -> None:
        for batch in Log().extend(events).batches("rf.video.v1"):
            self.apply(batch, self.position(batch.topic, batch.partition))


class Door:
    """The application, its twins, and a client."""

    def __init__(self, kafka: EventLog | None = None, **settings: Any) -> None:
        self.settings = Settings(**{"jwt_secret": SECRET, "cursor_secret": "c" * 32, **settings})
        self.clock = HandClock(NOW)
        self.log = MemoryPublisher()
        self.catalog = Catalog()
        self.keys = MemoryKeyStore()
        self.keyring = Keyring(self.keys, b"m" * 32, self.clock)
        readers = cast(Readers, SimpleNamespace(generation=1, catalog=self.catalog))
        parts = Parts(
            settings=self.settings,
            clock=self.clock,
            log=kafka or self.log,
            background=BackgroundLog(self.log),
            objects=cast(Any, None),
            keyring=self.keyring,
            auth=Credentials(_keys(), SharedKey(SECRET), "reelfold", self.clock),
            reads=FixedReadSource(readers),
        )
        self.app = build(parts)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://door")

    def token(self, user: str = "ann", **more: Any) -> str:
        return mint(self.settings, self.clock.now_ms(), user_id=user, **more)

    def device(self, device: str = "d1") -> str:
        return mint(self.settings, self.clock.now_ms(), device_id=device)

    def knows(self, video: str, by: str, **fields: Any) -> None:
        self.catalog.fold([described(by, video, at=NOW, **fields)])

    async def post(self, body: object, token: str | None = None, **headers: str) -> httpx.Response:
        """POST a list as JSON, or bytes as they are; as ann unless a token is given."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"authorization": f"Bearer {token or self.token()}", "content-type": "application/json"}
        return await self.http.post(
            "/v1/events",
            content=content,
            headers=given | {k.replace("_", "-"): v for k, v in headers.items()},
        )


def _keys() -> list[ApiKey]:
    def key(text: str, name: str, *scopes: str) -> ApiKey:
        digest = hashlib.sha256(text.encode()).hexdigest()
        return ApiKey(id=name, sha256=digest, scopes=frozenset(scopes), source=f"/svc/{name}")

    return [
        key("rf_backfill_an_older_key_0000", "backfill", "events:write"),
        key(SERVICE_KEY, "backfill", "events:write", "events:any-actor"),
        key(NARROW_KEY, "narrow", "events:write"),
        key(NO_SCOPE_KEY, "idle"),
    ]


def like(video: str = "v1", **more: Any) -> Event:
    return sent("video.liked", video_id=video, **more)


def sent(event_type: str, **fields: Any) -> Event:
    """An event as a client sends it."""
    return {"event_id": new_event_id(NOW), "event_type": event_type, "occurred_at": NOW, **fields}
