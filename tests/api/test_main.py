"""The composition root with everything away: it starts, is alive, refuses in time, and stops."""

import asyncio
import base64
import time
from pathlib import Path

import httpx
import pytest

from api import main
from infra.access.tokens import mint
from infra.clock import SystemClock
from infra.registry import save_book
from infra.settings import Settings
from schemas.book import SchemaBook
from tests.api.door import SECRET, like

NOBODY = "127.0.0.1:1"


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A provisioned machine on which no server runs."""
    for name, value in {
        "DATA": str(tmp_path), "KAFKA_BOOTSTRAP": NOBODY, "REDIS_URL": f"redis://{NOBODY}/0",
        "REGISTRY_URL": f"http://{NOBODY}", "S3_ENDPOINT": NOBODY, "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "b",
        "JWT_SECRET": SECRET, "CURSOR_SECRET": "c" * 32, "MASTER_KEY": base64.b64encode(b"m" * 32).decode(),
        "PRODUCE_DEADLINE_S": "0.5", "REDIS_PATIENCE_S": "0.5",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"REELFOLD_{name}", value)
    settings = Settings(data=tmp_path, jwt_secret=SECRET)
    save_book(settings, SchemaBook.local())
    return settings


async def test_it_starts_and_refuses_in_time_while_all_servers_are_away(
    environment: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()
    monkeypatch.setattr(main, "FLUSH_S", 0.2)
    monkeypatch.setattr("infra.telemetry.configure", lambda *_: None)  # the tests have their own
    app = main.app()
    token = mint(environment, SystemClock().now_ms(), user_id="ann")
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as http,
    ):
        assert (await http.get("/healthz")).status_code == 200
        assert time.monotonic() - began < 5
        head = {"Authorization": f"Bearer {token}"}
        event = like() | {"occurred_at": SystemClock().now_ms()}
        reads, post = await asyncio.gather(
            http.get("/v1/feed/following", headers=head),
            http.post("/v1/events", json=[event], headers=head),
        )
        for answer in (reads, post):
            assert answer.status_code == 503, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert int(answer.headers["retry-after"]) > 0
        assert (await http.get("/readyz")).json()["status"] == "store_unavailable"
