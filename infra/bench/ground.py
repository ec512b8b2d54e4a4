"""A stack to measure: the chaos ground's servers, provisioned, with a load in the log and no API."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import redis

from infra.bench import positions
from infra.bench.measure import Sample, Stopwatch
from infra.bench.workload import TOPICS, Load
from infra.chaos import log
from infra.chaos.ground import WORKER, Ground
from infra.clients import clickhouse_client, redis_client
from infra.provision.steps import tables
from infra.registry import load_book
from projections.analytics.queries import Tables
from projections.redis_ledger import key

LONGEST_S = 600.0
LOOK_S, LONGEST_LOOK_S = 0.02, 2.0
"""Between two looks at the worker's places. Each costs the servers, and that is not its work: so the first
are far apart, and the last, which end the measuring, close together."""


class Measured(Ground):
    """Servers with a load. Contenders fold it, one after another, each into a place of its own."""

    def __init__(self, load: Load) -> None:
        super().__init__()
        self.load = load
        self.ends: log.Vector = {}
        self.generation = 1
        """The last that a contender was given."""
        self._redis: redis.Redis | None = None
        self._clickhouse: Any = None

    async def ready_to_fold(self) -> None:
        """Start the servers and write the load."""
        await self.start(*[name for name in self.parts if name not in (WORKER, "api")])
        await asyncio.to_thread(self.load.publish, self.settings, load_book(self.settings))
        self.ends = {place: end for place, end in log.ends(self.settings).items() if place[0] in TOPICS}

    def next_generation(self) -> int:
        """One that nothing was folded into."""
        self.generation += 1
        return self.generation

    def pids(self, *parts: str) -> dict[str, int]:
        """Of these parts."""
        return {part: self.pid(part) for part in parts}

    async def fold(self, sinks: str, done: Callable[[int], int], **environment: str) -> Sample:
        """The worker as shipped, from its first folded record to its last. ``done``: generation -> records
        of the load that every fold of it has behind it. ``environment`` is added to the worker's."""
        generation = self.next_generation()
        await asyncio.to_thread(tables, self.settings.model_copy(update={"generation": generation}))
        said = {"REELFOLD_GENERATION": str(generation), "REELFOLD_SINKS": sinks, "REELFOLD_ARCHIVE": "false"}
        said |= environment
        name = self.spawn_worker(f"bench-{generation}", **said)
        watch = Stopwatch(self.pids("kafka", "redis", "clickhouse", name))
        try:
            total = sum(self.ends.values())
            watch.start()
            begun = await asyncio.to_thread(_first, lambda: done(generation))
            if begun < total:
                watch.start()
            else:  # so small a load that one step folds it: the worker's start is in its figure
                begun = 0
            await asyncio.to_thread(_all, lambda: done(generation), total, begun)
            return watch.sample(total - begun)
        finally:
            await self.stop(name)

    def folded(self, generation: int) -> int:
        """Records behind every Redis fold that reads them: the slowest fold's position counts."""
        self._redis = client = self._redis or redis_client(self.settings)
        return positions.folded(client, positions.names_of(generation, self.ends), self.ends)

    def loaded(self, generation: int) -> int:
        """Records whose rows are in ClickHouse."""
        self._clickhouse = client = self._clickhouse or clickhouse_client(self.settings)
        at = Tables(self.settings.clickhouse_database, generation)
        return sum(positions.loaded(client, at, self.ends).values())

    def counts(self, prefix: str) -> dict[str, dict[str, int]]:
        """video -> views and likes under keys of this prefix, where not 0."""
        with redis_client(self.settings) as client:
            return positions.counts_of(client, prefix, prefix)

    def own_counts(self) -> dict[str, dict[str, int]]:
        """What the last fold of ours came to."""
        return self.counts(key(self.generation, "count", ""))


def _first(done: Callable[[], int]) -> int:
    deadline = time.monotonic() + 60
    while not (begun := done()):
        if time.monotonic() > deadline:
            raise RuntimeError("the worker folds nothing")
        time.sleep(5 * LOOK_S)
    return begun


def _all(done: Callable[[], int], total: int, begun: int) -> None:
    """Wait until all is done: a quarter of the time that is left, as the rate so far has it, at each look."""
    started = time.monotonic()
    while (now := done()) < total:
        spent = time.monotonic() - started
        if spent > LONGEST_S:
            raise RuntimeError(f"the worker is not done in {LONGEST_S:.0f} s")
        left = spent * (total - now) / (now - begun) if now > begun else 1.0
        time.sleep(min(max(left / 4, LOOK_S), LONGEST_LOOK_S))
