"""A stack that several stages may share: its servers, one generation, and workers that are frozen while a
load is written, so that a drain begins with all of it in the log."""

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

from infra.bench.measure import Sample, Stopwatch
from infra.bench.positions import counts_of, folded, loaded, names_of
from infra.bench.scene import Tell, same
from infra.bench.workload import Load, Record, put
from infra.chaos import log
from infra.chaos.ground import WORKER, Ground
from infra.clients import clickhouse_client, redis_client
from infra.registry import load_book
from projections.analytics.queries import Tables
from projections.redis_ledger import key
from schemas.book import SchemaBook
from schemas.topics import TOPICS

GENERATION = 1
LONGEST_S = 1_800.0
LOOK_S = 0.005
LANES = tuple(topic.name for topic in TOPICS if topic.lane)


@dataclass(slots=True)
class Stand:
    """Servers and the API; workers come and go by slot."""

    ground: Ground
    runner: asyncio.Runner
    book: SchemaBook
    _rounds: dict[str, int] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Of the API."""
        return self.ground.apis[0]

    @property
    def tables(self) -> Tables:
        """Of the generation that is folded."""
        return Tables(self.ground.settings.clickhouse_database, GENERATION)

    @property
    def stores(self) -> dict[str, int]:
        """Server -> pid."""
        return {name: self.ground.pid(name) for name in ("kafka", "redis", "clickhouse")}

    def nth(self, what: str) -> int:
        """How often this was asked, from 1: names and seeds that come once on this stand."""
        self._rounds[what] = self._rounds.get(what, 0) + 1
        return self._rounds[what]

    def ends(self) -> log.Vector:
        """Of the lanes' topics."""
        return {place: end for place, end in log.ends(self.ground.settings).items() if place[0] in LANES}

    def workers(self, count: int, sinks: str = "redis") -> list[str]:
        """Have exactly so many workers, which fold into these sinks; their names."""
        slots = [f"{sinks.replace(',', '-')}-{nth}" for nth in range(count)]
        wanted = [f"{WORKER}-{slot}" for slot in slots]
        here = self.ground.workers()
        for name in here:
            if name not in wanted:
                self.runner.run(self.ground.stop(name))
        for slot, name in zip(slots, wanted, strict=True):
            if name not in here:
                said = {"REELFOLD_SINKS": sinks, "REELFOLD_ARCHIVE": "false"}
                self.runner.run(self.ground.start_worker(slot, **said))
        if set(wanted) != set(here):
            self._handed_over(wanted, sinks)
        return wanted

    def _handed_over(self, names: Sequence[str], sinks: str) -> None:
        """Wait while partitions go from hand to hand: until each worker holds some, nobody the same, together
        all; and a small load is folded. A worker that is frozen before would hold up all the others."""
        places = set(self.ends())
        self._wait(lambda: self._shared_out(names, places), 0.2)
        nth = self.nth("handed over")
        put(self.ground.settings, Load(30_000 + nth, 500, named=f"handed{nth}-").records(self.book))
        self.settle(sinks)

    def _shared_out(self, names: Sequence[str], places: set[log.Place]) -> bool:
        held = []
        for name in names:
            with urllib.request.urlopen(f"{self.ground.parts[name].url}/lag", timeout=5) as answer:
                held.append({(one["topic"], one["partition"]) for one in json.load(answer)})
        known = set[log.Place]().union(*held)
        topics = {topic for topic, _ in known}  # not every sink reads every topic
        whole = known == {place for place in places if place[0] in topics}
        return all(held) and sum(map(len, held)) == len(known) and whole

    def settle(self, sinks: str = "redis") -> None:
        """Wait until all that is in the log is folded."""
        ends = self.ends()
        total = sum(ends.values())
        with redis_client(self.ground.settings) as client:
            keys = names_of(GENERATION, ends)
            self._wait(lambda: folded(client, keys, ends) >= total)
        if "clickhouse" in sinks:
            tables = clickhouse_client(self.ground.settings)
            self._wait(lambda: sum(loaded(tables, self.tables, ends).values()) >= total, 20 * LOOK_S)
            tables.close()

    def write(self, records: Iterable[Record]) -> None:
        """Into the log, and wait for the workers."""
        put(self.ground.settings, records)
        self.settle()

    def drain(self, records: Sequence[Record], workers: int = 1) -> Sample:
        """Workers fold what is in the log before they may begin, from the first folded record to the last."""
        names = self.workers(workers)
        for name in names:
            self.ground.freeze(name)
        before = self.ends()
        put(self.ground.settings, records)
        ends = self.ends()
        for name in names:
            self.ground.thaw(name)
        pids = {name: self.ground.pid(name) for name in names}
        watch = Stopwatch({"kafka": self.ground.pid("kafka"), "redis": self.ground.pid("redis"), **pids})
        begun, total = sum(before.values()), sum(ends.values())
        with redis_client(self.ground.settings) as client:
            keys = names_of(GENERATION, ends)
            watch.start()
            self._wait(lambda: folded(client, keys, ends) > begun)
            if (seen := folded(client, keys, ends)) < total:  # else it is a small one, timed from the thaw
                begun = seen
                watch.start()
            self._wait(lambda: folded(client, keys, ends) >= total)
        return watch.sample(total - begun)

    def agree(self, who: str, load: Load) -> None:
        """Raise Disagree unless the fold counts this load as its oracle does."""
        prefix = key(GENERATION, "count", "")
        with redis_client(self.ground.settings) as client:
            same(who, counts_of(client, prefix + load.named, prefix), load)

    def memory_mb(self, workers: Sequence[str]) -> dict[str, float]:
        """Resident, of the largest worker and of Redis."""
        with redis_client(self.ground.settings) as client:
            used = float(client.info("memory")["used_memory"]) / 1e6
        return {"worker": max(_resident_mb(self.ground.pid(name)) for name in workers), "redis": used}

    def _wait(self, done: Callable[[], bool], every_s: float = LOOK_S) -> None:
        deadline = time.monotonic() + LONGEST_S
        while not done():
            if time.monotonic() > deadline or self.ground.last_words():
                raise RuntimeError(f"the fold does not come to an end: {self.ground.last_words()}")
            time.sleep(every_s)


@contextmanager
def stand(tell: Tell) -> Iterator[Stand]:
    """A stack with its API and without a worker; taken down in the end."""
    ground = Ground()
    with asyncio.Runner() as runner:
        try:
            runner.run(ground.start(*[name for name in ground.parts if name != WORKER]))
            tell("the stack is up")
            yield Stand(ground, runner, load_book(ground.settings))
        finally:
            runner.run(ground.down())


def _resident_mb(pid: int) -> float:
    process = psutil.Process(pid)
    return sum(float(one.memory_info().rss) for one in (process, *process.children(recursive=True))) / 1e6
