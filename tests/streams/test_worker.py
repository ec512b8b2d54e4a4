"""The worker as it is built, its pages, its timers, and how it starts and ends as a process."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from infra.clock import HandClock
from infra.settings import Settings
from projections.catalog.memory import MemoryCatalog
from projections.graph.memory import MemoryGraph
from projections.lag import FoldLag, MemoryLag
from projections.position import StoreUnavailable
from projections.seen.memory import MemorySeen
from schemas.book import SchemaBook
from streams import web
from streams.ranking import rank_once
from streams.worker import Worker, build, lane_config, make_lane
from tests.stack import Servers, free_ports

BOOK = SchemaBook.local()


def built(tmp_path: Path, **given: Any) -> Worker:
    settings = Settings(data=tmp_path, effectors=False, **given)
    sinks = {"redis": (MemoryCatalog(), MemoryGraph()), "clickhouse": (MemoryGraph(),)}
    return build(settings, BOOK, sinks, MemoryLag(), HandClock())


def test_a_lane_for_each_sink_and_an_agent_for_each_fold(tmp_path: Path) -> None:
    worker = built(tmp_path)
    assert [lane.name for lane in worker.lanes] == ["redis", "clickhouse"]
    assert [[one.runner.name for one in lane.outlets] for lane in worker.lanes] == [
        ["catalog", "graph"],
        ["graph"],
    ]
    assert {"fold-catalog", "fold-graph", "ops"} <= {name.rpartition(".")[2] for name in worker.app.agents}
    assert worker.effectors == []


def test_a_worker_may_fold_nothing_and_only_transcode(tmp_path: Path) -> None:
    keys = {"s3_access_key": SecretStr("a"), "s3_secret_key": SecretStr("b")}
    settings = Settings(data=tmp_path, sinks="", effectors=True, **keys)
    worker = build(settings, BOOK, {}, MemoryLag(), HandClock())
    assert (worker.lanes, worker.folds, len(worker.effectors)) == ([], [], 1)


def test_only_the_lane_that_reads_every_topic_parks_and_waits_for_its_batches() -> None:
    settings = Settings(batch_age_ms=10, clickhouse_batch_age_ms=200)
    redis_lane = make_lane(settings, "redis", BOOK, parks=False)
    clickhouse = make_lane(settings, "clickhouse", BOOK, parks=True)
    assert redis_lane._intake.office is None
    assert clickhouse._intake.office is not None
    assert (redis_lane._intake.eager, redis_lane._intake.batch_age_s) == (True, 0.01)
    assert (clickhouse._intake.eager, clickhouse._intake.batch_age_s) == (False, 0.2)
    assert redis_lane._intake.poll_s == 0.01
    assert clickhouse._intake.poll_s == 0.01


def test_a_lane_decodes_what_its_folds_look_at_and_the_one_that_parks_all(tmp_path: Path) -> None:
    sinks = {"redis": (MemorySeen(), MemoryGraph()), "clickhouse": (MemorySeen(),)}
    worker = build(Settings(data=tmp_path, effectors=False), BOOK, sinks, MemoryLag(), HandClock())
    looked_at = {lane.name: lane._intake.decoder.looked_at for lane in worker.lanes}
    wanted = {"view.started", "view.ended", "feed.impression", "user.followed", "user.unfollowed"}
    assert looked_at == {"redis": wanted, "clickhouse": None}


def test_lanes_keep_their_own_places_and_their_members_names() -> None:
    config = lane_config(Settings(worker_slot="7"), "redis", "reelfold.redis.g1")
    assert config["group.instance.id"] == "redis-7"
    assert config["enable.auto.commit"] is False
    assert config["auto.offset.reset"] == "error"


class Ranking:
    name = "trending"
    error: Exception | None = None
    ranked = ""

    def rank_in_turn(self, size: str) -> None:
        if self.error is not None:
            raise self.error
        self.ranked = size


async def test_no_failure_of_a_ranking_ends_the_worker(capsys: pytest.CaptureFixture[str]) -> None:
    fold = Ranking()
    await rank_once(fold, "5m")
    assert fold.ranked == "5m"
    fold.error = StoreUnavailable("away")
    await rank_once(fold, "1h")
    assert "timer_failed" not in capsys.readouterr().err
    fold.error = KeyError("bug")
    await rank_once(fold, "1h")
    assert "timer_failed" in capsys.readouterr().err


class View:
    """As much of Faust's web views as our pages use."""

    def json(self, body: Any, status: int = 200) -> tuple[int, Any]:
        return status, json.loads(json.dumps(body))

    def bytes(self, body: bytes, headers: Any) -> tuple[bytes, Any]:
        return body, headers


class Pages:
    """Keeps the pages that are registered."""

    def __init__(self, *lanes: Any) -> None:
        self._found: dict[str, Any] = {}
        web.register(self, list(lanes), lambda: [FoldLag("f", "t", 0, 3, 10, 7)])  # type: ignore[arg-type]

    def page(self, path: str, name: str) -> Any:
        return lambda function: self._found.setdefault(path, function)

    async def get(self, path: str) -> Any:
        return await self._found[path](View(), None)


async def test_readiness_names_what_is_waited_for_and_what_has_no_place_yet() -> None:
    placed, pending = SimpleNamespace(pending=set(), gone={}), SimpleNamespace(pending={("t", 0)}, gone={})
    at_work = SimpleNamespace(name="a", waiting=False, assignment=placed)
    placing = SimpleNamespace(name="b", waiting=False, assignment=pending)
    waiting = SimpleNamespace(name="c", waiting=True, assignment=None)
    assert await Pages(at_work).get("/readyz") == (
        200,
        {"ready": True, "waiting": [], "finding_their_place": []},
    )
    status, body = await Pages(at_work, placing, waiting).get("/readyz")
    assert status == 503
    assert body == {"ready": False, "waiting": ["c"], "finding_their_place": ["b", "c"]}
    pending.gone["t", 0] = "the log begins at 5"
    assert (await Pages(placing).get("/readyz"))[1]["waiting_for_replay"] == ["t/0"]


async def test_the_other_pages() -> None:
    pages = Pages()
    assert await pages.get("/healthz") == (200, {"status": "ok"})
    [lag] = (await pages.get("/lag"))[1]
    assert (lag["fold"], lag["position"], lag["lag"]) == ("f", 3, 7)
    body, headers = await pages.get("/metrics")
    assert b"reelfold_" in body
    assert headers["Content-Type"].startswith("text/plain")


def started(environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "streams.worker"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_a_setting_that_is_missing_ends_the_start_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "schemas.json").write_text(BOOK.to_json(), "utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REELFOLD_")}
    environment = kept | {"REELFOLD_DATA": str(tmp_path)}
    worker = started(environment)
    said, _ = worker.communicate(timeout=60)
    assert worker.returncode == 1
    assert said.decode().strip().splitlines() == [
        "reelfold worker: not set: REELFOLD_S3_ACCESS_KEY, REELFOLD_S3_SECRET_KEY"
    ]


@pytest.mark.servers
def test_asked_to_stop_it_ends_in_time_with_code_0_also_while_a_sink_is_away(
    provisioned: Settings, servers: Servers
) -> None:
    (port, nobody) = free_ports(2)
    environment = servers.environment | {
        "REELFOLD_WORKER_WEB_PORT": str(port),
        "REELFOLD_CLICKHOUSE_URL": f"http://127.0.0.1:{nobody}",
    }
    worker = started(environment)
    try:
        ready = f"http://127.0.0.1:{port}/lag"
        deadline = time.monotonic() + 60
        while not _folds_of(ready) >= {"catalog", "trending"}:
            assert time.monotonic() < deadline
            assert worker.poll() is None
            time.sleep(0.1)
        asked = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=30)
        assert worker.returncode == 0
        assert time.monotonic() - asked < 10
    finally:
        if worker.poll() is None:
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()


def _folds_of(url: str) -> set[str]:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return {one["fold"] for one in json.load(answer)}
    except OSError:
        return set()


def test_a_worker_keeps_polars_to_the_thread_that_asks() -> None:
    asked = "import streams.worker, polars; print(polars.thread_pool_size())"
    plain = {name: value for name, value in os.environ.items() if name != "POLARS_MAX_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, env=plain
    )
    assert done.stdout.strip() == "1"
