"""Stage `replay`: the whole log into a new generation of both stores, beside a Java client that only fetches.

What `reelfold replay` says of itself is taken: events and seconds from the first read to the last write.
Stock Faust folds from offset 0 into Redis alone; that is all it would do to rebuild.
"""

import csv
import io
import json
import os
import resource
import subprocess
import sys
import time

from infra.bench.ground import Measured
from infra.bench.measure import Contender, Sample, cpu_of, interleaved, ratio
from infra.bench.result import Result, Target, figures
from infra.bench.scene import OURS, Scene, Tell, same, scene
from infra.bench.workload import TOPICS
from infra.cache import Cache
from projections.analytics.queries import Tables

FETCH = "Java ConsumerPerformance"
SMALL_EVENTS = 20_000
LONGEST_S = 1_200.0


def replay(events: int, runs: int, tell: Tell) -> Result:
    """The log -> a generation."""
    with scene(events, SMALL_EVENTS, tell) as at:
        contenders: dict[str, Contender] = {
            OURS: lambda: _ours(at),
            FETCH: lambda: _fetched(at.ground),
            "stock_faust": at.redis_peer("stock_faust", slow=True),
        }
        found = interleaved(contenders, runs, tell)
        notes = [
            f"{events} events of {at.load.size / events:.0f} bytes into both stores; stock_faust folds "
            f"{at.small.events} into Redis"
        ]
    targets = [
        Target("half of Java's fetch", 0.5, ratio(found, OURS, FETCH)),
        Target("40 times stock Faust", 40, ratio(found, OURS, "stock_faust")),
    ]
    return Result("replay", OURS, "events/s", figures(found), targets, FETCH, notes)


def _ours(at: Scene) -> Sample:
    ground, generation = at.ground, at.ground.next_generation()
    servers = ground.pids("kafka", "redis", "clickhouse")
    before, spent = {name: cpu_of(pid) for name, pid in servers.items()}, _children_s()
    words = [sys.executable, "-m", "infra.cli", "replay", "--into", str(generation), "--json"]
    done = subprocess.run(
        words, env=ground.environment, capture_output=True, text=True, timeout=LONGEST_S, check=False
    )
    if done.returncode:
        raise RuntimeError(f"the replay fails: {done.stderr[-1000:]}")
    said = json.loads(done.stdout)
    cpu = {name: cpu_of(pid) - before[name] for name, pid in servers.items()}
    same(OURS, ground.own_counts(), at.load)
    at.whole(OURS, Tables(ground.settings.clickhouse_database, generation).named("events"), at.load)
    return Sample(int(said["events"]), float(said["seconds"]), cpu | {"itself": _children_s() - spent})


def _fetched(ground: Measured) -> Sample:
    """The playback topic, with all of what Java's own tool does by default."""
    jars = Cache.from_env(os.environ).kafka_jars
    count = sum(end for place, end in ground.ends.items() if place[0] == TOPICS[0])
    words = ["java", "-cp", f"{jars}/*", "org.apache.kafka.tools.ConsumerPerformance"]
    words += ["--bootstrap-server", ground.settings.kafka_bootstrap, "--topic", TOPICS[0]]
    words += ["--messages", str(count), "--group", f"bench-java-{time.monotonic_ns()}"]
    kafka, spent = cpu_of(ground.pid("kafka")), _children_s()
    done = subprocess.run(words, capture_output=True, text=True, timeout=LONGEST_S, check=True)
    rows = list(csv.DictReader(io.StringIO(done.stdout), skipinitialspace=True))
    cpu = {"kafka": cpu_of(ground.pid("kafka")) - kafka, "itself": _children_s() - spent}
    return Sample(count, float(rows[-1]["fetch.time.ms"]) / 1000, cpu)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
