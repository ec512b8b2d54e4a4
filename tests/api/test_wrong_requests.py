"""What no client should send: each is told apart, none reaches a store, none is a 500."""

import json
from pathlib import Path
from typing import Any

import pytest

from api.limits import UPLOAD_TOKENS
from infra.stack.secret_file import local_settings
from tests.api.stage import Stage

BY_ID = ("/v1/videos/{}", "/v1/videos/{}/playback", "/v1/videos/{}/comments", "/v1/users/{}",
         "/v1/users/{}/videos", "/v1/users/{}/followers", "/v1/users/{}/following",
         "/v1/uploads/{}")  # fmt: skip
NO_IDS = ("%00", "a%00b", "%FF", "%ED%A0%80", "a%20b", "a*", "-a", "a" * 129, "a%0Ab", "%C3%A9")


@pytest.mark.parametrize("path", BY_ID)
@pytest.mark.parametrize("no_id", NO_IDS)
async def test_what_is_no_id_is_asked_of_no_store(stage: Stage, path: str, no_id: str) -> None:
    answer = await stage.get(path.format(no_id), "bob")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")


@pytest.mark.parametrize("method,path", [("POST", "/v1/videos/{}/publish"), ("DELETE", "/v1/videos/{}"),
                                         ("POST", "/v1/uploads/{}/complete")])  # fmt: skip
async def test_nor_written_under(stage: Stage, method: str, path: str) -> None:
    assert (await stage.ask(method, path.format("a%00"), "bob")).status_code == 400
    assert not stage.log.events


@pytest.mark.parametrize("body", [
    {"title": "a\0b"}, {"caption": "\0"}, {"hashtags": ["x\0"]}, {"mime": "\0"}, {"bytes": True},
    {"bytes": 1.5}, {"bytes": -1}, {"bytes": 1 << 64}, {"mentions": ["a b"]}, {"sound_id": ""}, {"x": 1},
    {"\ud800": 1}, {"title": "\ud800"}, [], None, {"publish": "later"},
])  # fmt: skip
async def test_an_upload_says_only_what_the_log_can_keep(stage: Stage, body: Any) -> None:
    sent = json.dumps(body).encode()
    answer = await stage.ask(
        "POST", "/v1/uploads", "ann", content=sent, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422, answer.text
    assert not stage.log.events


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"\xff", b'{"bytes":' + b"9" * 5000 + b"}"])
async def test_what_is_not_json_is_a_400_of_its_own(stage: Stage, body: bytes) -> None:
    answer = await stage.ask(
        "POST", "/v1/uploads", "ann", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] in ("malformed_body", "invalid_parameter")


async def test_routes_and_methods_that_are_not_there_have_codes(stage: Stage) -> None:
    assert (await stage.get("/v1/nowhere")).json()["code"] == "no_such_route"
    assert (await stage.ask("PUT", "/v1/feed/trending")).json()["code"] == "method_not_allowed"


async def test_uploads_cannot_be_opened_without_end(tmp_path: Path) -> None:
    stage = Stage(tmp_path, rate_burst=3 * UPLOAD_TOKENS, rate_per_second=UPLOAD_TOKENS)
    found = [(await stage.ask("POST", "/v1/uploads", "ann", json={})).status_code for _ in range(4)]
    assert found == [201, 201, 201, 429]
    assert (await stage.ask("POST", "/v1/uploads", "bob", json={})).status_code == 201


def test_tokens_for_anybody_are_not_handed_to_a_network_unasked(tmp_path: Path) -> None:
    here = {"REELFOLD_DATA": str(tmp_path)}
    assert local_settings(here).dev_issuer
    assert not local_settings(here | {"REELFOLD_API_HOST": "0.0.0.0"}).dev_issuer
    assert local_settings(here | {"REELFOLD_API_HOST": "0.0.0.0", "REELFOLD_DEV_ISSUER": "true"}).dev_issuer


async def test_pages_of_other_origins_call_the_api_only_where_it_was_allowed(tmp_path: Path) -> None:
    asks = {"Origin": "https://app.test", "Access-Control-Request-Method": "POST"}
    closed, opened = Stage(tmp_path), Stage(tmp_path, cors_origins="https://app.test, https://b.test")
    assert (await closed.ask("OPTIONS", "/v1/events", headers=asks)).status_code == 405
    answer = await opened.ask("OPTIONS", "/v1/events", headers=asks)
    assert answer.headers["access-control-allow-origin"] == "https://app.test"
    assert "access-control-allow-credentials" not in answer.headers
    other = await opened.get("/v1/feed/trending", headers={"Origin": "https://c.test"})
    assert "access-control-allow-origin" not in other.headers
