"""Alive, ready, measured; and what OpenAPI says of every route."""

import asyncio
from typing import Any

import pytest

from api import health
from api.health import STALE_MS, readiness
from projections.lag import FoldLag
from projections.position import StoreUnavailable
from tests.api.stage import Stage

NOW = 1_800_000_000_000


def lag(fold: str, behind: int, partition: int = 0, at: int = NOW) -> FoldLag:
    return FoldLag(fold, "rf.playback.v1", partition, 100, 100 + behind, at)


async def test_alive_without_asking_anyone(stage: Stage) -> None:
    assert (await stage.get("/healthz")).json() == {"status": "ok"}


async def test_ready_says_how_far_each_fold_is(stage: Stage) -> None:
    stage.lag.tell([lag("feed", 5), lag("feed", 7, 1), lag("seen", 0, at=NOW - 500)])
    answer = await stage.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "detail": "",
        "generation": 7,
        "folds": [
            {"fold": "feed", "lag": 12, "told_ms_ago": 0, "behind": False},
            {"fold": "seen", "lag": 0, "told_ms_ago": 500, "behind": False},
        ],
        "publisher_fullness": 0.0,
    }


async def test_behind_names_the_fold_and_by_how_much(stage: Stage) -> None:
    stage.lag.tell([lag("feed", 60_000), lag("feed", 60_000, 1), lag("seen", 3)])
    answer = await stage.get("/readyz")
    assert (answer.status_code, answer.json()["detail"]) == (503, "feed is 120000 records behind")


async def test_a_store_that_lost_everything_is_not_ready(stage: Stage) -> None:
    answer = await stage.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "empty")


async def test_a_store_that_is_away_is_not_ready(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away() -> list[FoldLag]:
        raise StoreUnavailable("redis does not answer: 10.0.0.7:6379")

    monkeypatch.setattr(stage.lag, "lags", away)
    answer = await stage.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "store_unavailable")
    assert "10.0.0.7" not in answer.text


async def test_a_store_that_reads_wait_for_is_not_ready_now(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow() -> list[FoldLag]:
        await asyncio.sleep(5)
        return [lag("feed", 0)]

    monkeypatch.setattr(health, "STORE_S", 0.05)
    monkeypatch.setattr(stage.lag, "lags", slow)
    answer = await stage.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "store_unavailable")


def test_a_worker_that_is_silent_makes_reads_stale_and_not_unready() -> None:
    found = readiness(1, [lag("feed", 0, at=NOW - STALE_MS - 1), lag("seen", 0)], NOW, 10)
    assert (found.status, found.detail) == ("stale", "nothing told for 30 s of: feed")


async def test_stale_reads_are_still_served(stage: Stage) -> None:
    stage.lag.tell([lag("feed", 0, at=NOW - STALE_MS - 1)])
    answer = await stage.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "stale")


async def test_metrics_are_in_prometheus_format(stage: Stage) -> None:
    await stage.get("/v1/feed/trending")
    answer = await stage.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'reelfold_request_seconds_count{route="/v1/feed/trending",status="200"}' in answer.text


def operations(stage: Stage) -> list[tuple[str, dict[str, Any]]]:
    spec = stage.app.openapi()
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in spec["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_route_is_described_tagged_and_documents_its_refusals(stage: Stage) -> None:
    for name, operation in operations(stage):
        assert operation.get("description"), name
        if "/v1/" in name:
            assert {"503"} & operation["responses"].keys() or "dev" in name, name
            for status, response in operation["responses"].items():
                if status >= "400" and "dev" not in name and "events" not in name:
                    assert "application/problem+json" in response["content"], (name, status)


def test_every_answer_has_an_example(stage: Stage) -> None:
    schemas = stage.app.openapi()["components"]["schemas"]
    for name in ("VideoCard", "Playback", "CommentView", "Person", "Edge", "UploadRequest", "UploadOpened"):
        schema = schemas[name]
        assert schema.get("examples"), name
        assert schema["examples"][0].keys() <= schema["properties"].keys(), name


def test_the_description_says_who_must_show_a_token(stage: Stage) -> None:
    spec = stage.app.openapi()
    paths = spec["paths"]
    open_to_all: list[dict[str, list[str]]] = [{"bearer": []}, {}]
    assert spec["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert paths["/v1/feed/trending"]["get"]["security"] == open_to_all
    assert paths["/v1/videos/{video_id}"]["get"]["security"] == open_to_all
    for method, path in [("post", "/v1/events"), ("delete", "/v1/videos/{video_id}"),
                         ("get", "/v1/me/history"), ("get", "/v1/feed/following"),
                         ("get", "/v1/uploads/{upload_id}")]:  # fmt: skip
        assert paths[path][method]["security"] == [{"bearer": []}], path
    assert "security" not in paths["/healthz"]["get"]


def test_tags_are_told_in_order_and_every_route_has_one_of_them(stage: Stage) -> None:
    told = [tag["name"] for tag in stage.app.openapi()["tags"]]
    for name, operation in operations(stage):
        assert set(operation["tags"]) <= set(told), name
        assert operation["summary"], name


async def test_what_needs_a_token_by_its_description_is_401_without_and_nothing_else_is(stage: Stage) -> None:
    for name, operation in operations(stage):
        method, path = name.split()
        place = path.replace("{", "").replace("}", "")
        answer = await stage.ask(method, place, json={} if method == "POST" else None)
        needed = operation.get("security") == [{"bearer": []}]
        assert (answer.status_code == 401) == needed, name
