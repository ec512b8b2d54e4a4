"""Stage `fold`: Kafka -> Redis counts, likes, seen and trends, by the worker as shipped, beside its peers.

The peers make counts, likes and seen; ours makes trends too, and moves positions with every change. All end
with the oracle's counts, or the stage fails. Slow peers fold a smaller load of the same shape.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from infra.bench.ground import Measured
from infra.bench.measure import Contender, Sample, interleaved, ratio
from infra.bench.peers import FOLDER, measured, python_of
from infra.bench.result import Result, Target, figures
from infra.bench.workload import TOPICS, Load
from infra.cache import Cache
from infra.kafka_config import connection
from infra.registry import load_book

SLOW = ("stock_faust", "quix")
FAST = ("bare_loop", "bytewax_flow")
FLOOR, OURS = "fetch and decode", "reelfold"
SMALL = "bench-small."
SMALL_EVENTS = 20_000
PARTITIONS = 4


def run(
    events: int, runs: int, tell: Callable[[str], None], peers: tuple[str, ...] = (*FAST, *SLOW)
) -> Result:
    """The stage; every contender once a round."""
    ground, small = Measured(Load(7, events)), Load(8, min(events, SMALL_EVENTS))
    with asyncio.Runner() as runner:
        try:
            runner.run(ground.ready_to_fold())
            _small_topics(ground, small)
            tell(f"{events} events of {ground.load.size / events:.0f} bytes are in the log")
            contenders: dict[str, Contender] = {
                OURS: lambda: _ours(ground, runner),
                FLOOR: lambda: _floor(ground),
            }
            for peer in peers:
                load = small if peer in SLOW else ground.load
                contenders[peer] = _peer(ground, peer, load, SMALL if peer in SLOW else "")
            found = interleaved(contenders, runs, tell)
        finally:
            runner.run(ground.down())
    best = max((name for name in peers), key=lambda name: figures(found)[name]["rate"], default="")
    targets = [Target("a third of fetch and decode alone", 1 / 3, ratio(found, OURS, FLOOR))]
    if "stock_faust" in peers:
        targets.append(Target("25 times stock Faust", 25, ratio(found, OURS, "stock_faust")))
    if best:
        targets.append(Target(f"3 times the best peer ({best})", 3, ratio(found, OURS, best)))
    notes = [f"{events} events of {ground.load.size / events:.0f} bytes; {', '.join(SLOW)}: {small.events}"]
    return Result("fold", OURS, "events/s", figures(found), targets, FLOOR, notes)


def _ours(ground: Measured, runner: asyncio.Runner) -> Sample:
    sample = runner.run(ground.fold("redis", ground.folded))
    _same("reelfold", ground.own_counts(), ground.load)
    return sample


def _floor(ground: Measured) -> Sample:
    book = json.loads(load_book(ground.settings).to_json())
    task = _task(ground, ground.load, "") | {"book": book, "partitions": PARTITIONS}
    return measured([sys.executable, "-m", "infra.bench.fetch_decode"], task, ground.pids("kafka", "redis"))


def _peer(ground: Measured, peer: str, load: Load, named: str) -> Contender:
    python, turn = python_of(peer, Cache.from_env(os.environ)), iter(range(1_000))

    def once() -> Sample:
        prefix = f"{peer}-{next(turn)}:"
        task = _task(ground, load, named) | {"prefix": prefix}
        sample = measured([python, str(FOLDER / f"{peer}.py")], task, ground.pids("kafka", "redis"))
        _same(peer, ground.counts(f"{prefix}count:"), load)
        return sample

    return once


def _task(ground: Measured, load: Load, named: str) -> dict[str, Any]:
    book = load_book(ground.settings)
    return {
        "bootstrap": ground.settings.kafka_bootstrap,
        "redis_url": ground.settings.redis_url.get_secret_value(),
        "events": load.events,
        "topics": [named + topic for topic in TOPICS],
        "schemas": {str(number): dict(schema.raw) for number, schema in book.by_id.items()},
    }


def _small_topics(ground: Measured, small: Load) -> None:
    admin = AdminClient(connection(ground.settings))
    made = admin.create_topics([NewTopic(SMALL + topic, PARTITIONS, 1) for topic in TOPICS])
    for one in made.values():
        one.result(30)
    small.publish(ground.settings, load_book(ground.settings), SMALL)


def _same(who: str, found: dict[str, dict[str, int]], load: Load) -> None:
    """A contender that counts wrong is no contender."""
    if found != load.counts:
        wrong = [
            video for video in found.keys() | load.counts.keys() if found.get(video) != load.counts.get(video)
        ]
        first = min(wrong)
        raise RuntimeError(
            f"{who} counts {len(wrong)} of {len(load.counts)} videos wrong, such as {first}: "
            f"{found.get(first)}, and it was {load.counts.get(first)}"
        )
