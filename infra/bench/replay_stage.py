"""Stage `replay`: the whole log into a new generation of both stores, beside a Java client that only fetches.

What `reelfold replay` says of itself is taken: events and seconds from the first read to the last write, and
the most memory that it held; how long the whole command took stands beside it as `wall_s`.
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
from collections.abc import Mapping

from infra.bench.ground import Measured
from infra.bench.measure import Contender, Sample, cpu_of, interleaved, ratio
from infra.bench.result import Result, Target, figures
from infra.bench.scene import OURS, Disagree, Scene, Tell, same, scene
from infra.bench.workload import TOPICS
from infra.cache import Cache
from infra.chaos.log import Place
from projections.analytics.queries import Tables

FETCH = "Java ConsumerPerformance"
SMALL_EVENTS = 20_000
LONGEST_S = 1_200.0
SHARES = (0.1, 0.3)
"""Of the log: a replay of these parts shows whether rate and memory stay as it grows."""


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
            f"{at.small.events} into Redis",
            *_grown(at, tell),
        ]
    targets = [
        Target("half of Java's fetch", 0.5, ratio(found, OURS, FETCH)),
        Target("40 times stock Faust", 40, ratio(found, OURS, "stock_faust")),
    ]
    return Result("replay", OURS, "events/s", figures(found), targets, FETCH, notes)


def _grown(at: Scene, tell: Tell) -> list[str]:
    """Rate and memory of a replay of the log's first parts."""
    found = []
    for share in SHARES:
        bounds = {place: int(end * share) for place, end in at.ground.ends.items()}
        sample = _replayed(at.ground, bounds)
        if sample.events != sum(bounds.values()):
            raise Disagree(f"{sample.events} events are folded of {sum(bounds.values())}")
        found.append(
            f"{sample.events} events: {sample.rate:,.0f}/s, {sample.more['peak_mib']:.0f} MiB at most"
        )
        tell(found[-1])
    return found


def _ours(at: Scene) -> Sample:
    sample = _replayed(at.ground, {})
    same(OURS, at.ground.own_counts(), at.load)
    named = Tables(at.ground.settings.clickhouse_database, at.ground.generation)
    at.whole(OURS, named.named("events"), at.load)
    return sample


def _replayed(ground: Measured, bounds: Mapping[Place, int]) -> Sample:
    generation = ground.next_generation()
    servers = ground.pids("kafka", "redis", "clickhouse")
    before, spent = {name: cpu_of(pid) for name, pid in servers.items()}, _children_s()
    words = [sys.executable, "-m", "infra.cli", "replay", "--into", str(generation), "--json"]
    for (topic, number), end in bounds.items():
        words += ["--to-offset", f"{topic}/{number}={end}"]
    began = time.monotonic()
    done = subprocess.run(
        words, env=ground.environment, capture_output=True, text=True, timeout=LONGEST_S, check=False
    )
    if done.returncode:
        raise RuntimeError(f"the replay fails: {done.stderr[-1000:]}")
    said, wall_s = json.loads(done.stdout), time.monotonic() - began
    cpu = {name: cpu_of(pid) - before[name] for name, pid in servers.items()}
    more = {"peak_mib": float(said["peak_mib"]), "wall_s": wall_s}
    return Sample(int(said["events"]), float(said["seconds"]), cpu | {"itself": _children_s() - spent}, more)


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
