"""Stage `viral`: half of all traffic on one video, beside the same load spread evenly.

Both are folded in turn by one worker into one generation, each with videos of its own. What Redis was asked
is counted in rounds of their own, with MONITOR, which slows it down; scripts' commands are in it.
"""

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any, Literal

from infra.bench.measure import Contender, Sample, interleaved, ratio
from infra.bench.result import Result, Target, figures
from infra.bench.scene import Tell
from infra.bench.stand import GENERATION, Stand, stand
from infra.bench.workload import USERS, Load
from infra.clients import redis_client
from projections.redis_ledger import key

VIRAL, EVEN = "viral", "even"
WATCHED = 20_000
"""Events folded under MONITOR."""
Shape = Literal["viral", "even"]
_SEEDS = {VIRAL: 1_000, EVEN: 2_000}


def viral(events: int, runs: int, tell: Tell) -> Result:
    """The log -> Redis, both ways."""
    with stand(tell) as at:
        return viral_on(at, events, runs, tell)


def viral_on(at: Stand, events: int, runs: int, tell: Tell) -> Result:
    """The same on a stack that is there."""
    at.workers(1)
    spreads: dict[str, list[float]] = {VIRAL: [], EVEN: []}

    def contender(shape: Shape) -> Contender:
        def once() -> Sample:
            before = at.ends()
            sample, _ = _fold(at, shape, events)
            spreads[shape].append(_spread(before, at.ends()))
            return sample

        return once

    found = interleaved({VIRAL: contender("viral"), EVEN: contender("even")}, runs, tell)
    asked = {shape: _asked(at, shape, min(events, WATCHED)) for shape in (VIRAL, EVEN)}
    partitions = {shape: median(values) for shape, values in spreads.items()}
    hottest = {shape: max(seen.by_key.values()) / seen.all for shape, seen in asked.items()}
    targets = [
        Target("max/mean partition load", 1.2, partitions[VIRAL], most=True),
        Target("the fold's rate against the even load's, at least", 0.9, ratio(found, VIRAL, EVEN)),
        Target("share of commands on the hottest key", 0.01, hottest[VIRAL], most=True),
        Target("share of commands on the viral video's keys", 0.01, asked[VIRAL].on_video, most=True),
    ]
    notes = [
        f"{events} events a run, {USERS} users; playback and engagement are keyed by actor; "
        f"max/mean partition load of the even load {partitions[EVEN]:.3f}",
        *(_said(shape, asked[shape]) for shape in (VIRAL, EVEN)),
    ]
    series = {
        shape: [(float(nth), one.rate) for nth, one in enumerate(found[shape], 1)] for shape in (VIRAL, EVEN)
    }
    axes = ("round", "events/s")
    return Result("viral", VIRAL, "events/s", figures(found), targets, "", notes, series, axes)


def _fold(at: Stand, shape: Shape, events: int) -> tuple[Sample, Load]:
    turn = at.nth(shape)
    load = Load(_SEEDS[shape] + turn, events, shape=shape, named=f"{shape}{turn}-")
    sample = at.drain([*load.records(at.book)])
    at.agree(shape, load)
    return sample, load


def _spread(before: dict[tuple[str, int], int], after: dict[tuple[str, int], int]) -> float:
    """The fullest partition's new records against the mean, number n of all topics together."""
    by_number: Counter[int] = Counter()
    for (topic, number), end in after.items():
        by_number[number] += end - before.get((topic, number), 0)
    return max(by_number.values()) * len(by_number) / sum(by_number.values())


class _Seen:
    """Commands of a fold, by key."""

    def __init__(self) -> None:
        self.by_key: Counter[str] = Counter()
        self.on_video = 0.0

    @property
    def all(self) -> int:
        return self.by_key.total()


def _asked(at: Stand, shape: Any, events: int) -> _Seen:
    seen = _Seen()
    with _monitored(at, seen):
        _, load = _fold(at, shape, events)
    first = f"{load.named}v000000"
    seen.on_video = sum(number for name, number in seen.by_key.items() if first in name) / seen.all
    return seen


@contextmanager
def _monitored(at: Stand, seen: _Seen) -> Iterator[None]:
    ended = key(GENERATION, "bench", "end")
    own = re.compile(rf"g{GENERATION}:")

    def listen() -> None:
        with redis_client(at.ground.settings) as client, client.monitor() as monitor:
            ready.set()
            for said in monitor.listen():
                words = str(said["command"]).split(" ", 3)
                if len(words) > 1 and words[1] == ended:
                    return
                if len(words) > 1 and words[0] != "MGET" and own.match(words[1]):
                    seen.by_key[words[1]] += 1

    ready = threading.Event()
    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield
    finally:
        with redis_client(at.ground.settings) as client:
            client.get(ended)
        thread.join(60)


def _said(shape: str, seen: _Seen) -> str:
    name, number = seen.by_key.most_common(1)[0]
    return (
        f"{shape}: {seen.all} commands, the most on {name}: {number / seen.all:.2%}; "
        f"on the first video's keys {seen.on_video:.2%}"
    )
