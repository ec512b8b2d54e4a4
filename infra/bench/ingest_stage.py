"""Stage `ingest`: POST of 1 and of 50 events, answered when the broker has them, on one server process.

Ours checks the token and every field, stamps and seals, and answers for each event. The tutorial does what
tutorials do, and the Go server only drains the body. The bare producer has no HTTP at all.
"""

import asyncio
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from infra.access.tokens import mint
from infra.bench.http_load import WARM_UP_S, built, loaded, serving
from infra.bench.measure import Contender, Sample, Stopwatch, cpu_of, interleaved, ratio
from infra.bench.peers import FOLDER, python_of
from infra.bench.result import Result, Target, figures
from infra.bench.workload import Load
from infra.cache import Cache
from infra.chaos.environment import free_ports
from infra.chaos.ground import WORKER, Ground
from infra.clock import SystemClock
from infra.kafka.config import connection, producer
from infra.registry import load_book
from schemas.catalogue import latest
from schemas.codec import encode

OURS, TUTORIAL, GO, BARE = "reelfold", "tutorial", "Go drains", "bare producer"
BATCHES = (1, 50)
SECONDS = 4.0
USERS = 64
CLIENT = ("event_id", "event_type", "video_id", "view_id", "surface", "platform", "app_version", "country",
          "lang", "network", "session_id", "request_id")  # fmt: skip


def ingest(events: int, runs: int, tell: Any) -> Result:
    """HTTP -> the log. ``events``: of the bare producer's run."""
    ground = Ground()
    with asyncio.Runner() as runner, ExitStack() as stack:
        try:
            runner.run(ground.start(*[name for name in ground.parts if name not in (WORKER, "api")]))
            runner.run(ground.start("api"))
            tutorial, go = stack.enter_context(_tutorial(ground)), stack.enter_context(_go())
            contenders: dict[str, Contender] = {}
            for size in BATCHES:
                contenders[f"{OURS} x{size}"] = _http(ground, ground.apis[0], _api(ground), size, True)
                contenders[f"{TUTORIAL} x{size}"] = _http(ground, *tutorial, size, False)
                contenders[f"{GO} x{size}"] = _http(ground, *go, size, False)
            contenders[BARE] = lambda: _produced(ground, events)
            found = interleaved(contenders, runs, tell)
        finally:
            stack.close()
            runner.run(ground.down())
    many, one = (f"{OURS} x50", f"{TUTORIAL} x50"), (f"{OURS} x1", f"{TUTORIAL} x1")
    targets = [
        Target("10 times the tutorial at 50", 10, ratio(found, *many)),
        Target("2 times the tutorial at 1", 2, ratio(found, *one)),
        Target("a third of the bare producer at 50", 1 / 3, ratio(found, many[0], BARE)),
    ]
    return Result("ingest", many[0], "events/s", figures(found), targets, BARE)


def _http(ground: Ground, url: str, pid: int, size: int, ours: bool) -> Contender:
    def once() -> Sample:
        now = SystemClock().now_ms()
        targets = [_request(ground, url, f"u{user:03d}", size, now) for user in range(USERS)]
        watch = Stopwatch({"server": pid, "kafka": ground.pid("kafka")})
        loaded(targets, WARM_UP_S)
        watch.start()
        said = loaded(targets, SECONDS)
        cpu = {name: cpu_of(one) - (watch.spent or {})[name] for name, one in watch.pids.items()}
        return Sample(said.requests * size, said.seconds, cpu)

    return once


def _request(ground: Ground, url: str, user: str, size: int, now_ms: int) -> dict[str, str]:
    """A phone's batch. The generator sends each of 64 again and again: ids repeat, as after a bad network."""
    chosen = list(Load(int(user[1:]), 4 * size + 20).each())
    views = [event for event in chosen if event["event_type"] == "view.started"]
    some = (views * size)[:size]
    body = [
        {name: event[name] for name in CLIENT if event.get(name) is not None}
        | {"occurred_at": now_ms, "session_id": event["event_id"]}
        for event in some
    ]
    token = mint(ground.settings, now_ms, user_id=user)
    return {
        "method": "POST",
        "url": f"{url}/v1/events",
        "body": json.dumps(body),
        "authorization": f"Bearer {token}",
    }


def _api(ground: Ground) -> int:
    return ground.pid("api")


@contextmanager
def _tutorial(ground: Ground) -> Iterator[tuple[str, int]]:
    admin = AdminClient(connection(ground.settings))
    for made in admin.create_topics([NewTopic("bench-tutorial", 4, 1)]).values():
        made.result(30)
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="reelfold-bench-") as folder:
        file = Path(folder) / "task.json"
        task = {"bootstrap": ground.settings.kafka_bootstrap, "schema": dict(latest("view.started").raw)}
        file.write_text(json.dumps(task), "utf-8")
        python = python_of("tutorial_ingest", Cache.from_env(os.environ))
        command = [
            python,
            "-m",
            "uvicorn",
            "tutorial_ingest:app",
            "--port",
            str(port),
            "--log-level",
            "error",
        ]
        with serving(command, f"http://127.0.0.1:{port}", {"TASK": str(file)}) as pid:
            yield f"http://127.0.0.1:{port}", pid


@contextmanager
def _go() -> Iterator[tuple[str, int]]:
    (port,) = free_ports(1)
    with serving([str(built(FOLDER / "drain.go")), str(port)], f"http://127.0.0.1:{port}", {}) as pid:
        yield f"http://127.0.0.1:{port}", pid


def _produced(ground: Ground, events: int) -> Sample:
    """Encoded beforehand; produced in a loop, acknowledged by all."""
    book = load_book(ground.settings)
    made = [
        (encode(event, book), event["actor_id"].encode()) for event in Load(5, min(events, 100_000)).each()
    ]
    log = Producer(producer(ground.settings) | {"queue.buffering.max.messages": 1_000_000})
    watch = Stopwatch({"kafka": ground.pid("kafka"), "itself": os.getpid()})
    watch.start()
    for value, key in made:
        log.produce("bench-tutorial", value, key)
        log.poll(0)
    if log.flush(60):
        raise RuntimeError("the broker did not take the load")
    return watch.sample(len(made))
