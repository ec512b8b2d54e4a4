"""When an event could be read: threads that ask both stores for their positions all the while."""

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from infra.bench.positions import loaded, names_of, positions
from infra.bench.stand import GENERATION, Stand
from infra.bench.workload import TOPICS
from infra.chaos import log
from infra.clients import clickhouse_client, redis_client

REDIS_LOOK_S, CLICKHOUSE_LOOK_S = 0.01, 0.25
Look = tuple[int, int]
"""Position, and the epoch ns at which it was seen."""


@contextmanager
def looking(at: Stand, before: log.Vector) -> Iterator[dict[str, dict[log.Place, list[Look]]]]:
    """Threads that look at both stores as long as this is open. What they see: store -> place -> looks."""
    looks: dict[str, dict[log.Place, list[Look]]] = {
        store: {place: [] for place in before if place[0] in TOPICS} for store in ("redis", "clickhouse")
    }
    settings, ended = at.ground.settings, threading.Event()
    places = dict.fromkeys(looks["redis"], 2**62)
    store, tables = redis_client(settings), clickhouse_client(settings)
    names = names_of(GENERATION, places)
    threads = [
        _Looker(looks["redis"], lambda: positions(store, names), REDIS_LOOK_S, ended),
        _Looker(looks["clickhouse"], lambda: loaded(tables, at.tables, places), CLICKHOUSE_LOOK_S, ended),
    ]
    for one in threads:
        one.start()
    try:
        yield looks
    finally:
        time.sleep(4 * CLICKHOUSE_LOOK_S)  # once more behind the last event
        ended.set()
        for one in threads:
            one.join()
        store.close()
        tables.close()
    for one in threads:
        if one.failed is not None:
            raise one.failed


@dataclass(eq=False)
class _Looker(threading.Thread):
    looks: dict[log.Place, list[Look]]
    look: Callable[[], dict[log.Place, int]]
    every_s: float
    ended: threading.Event
    failed: Exception | None = field(default=None)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def run(self) -> None:
        try:
            while not self.ended.wait(self.every_s):
                found = self.look()
                now = time.time_ns()
                for place, position in found.items():
                    seen = self.looks[place]
                    if not seen or seen[-1][0] != position:
                        seen.append((position, now))
        except Exception as error:  # told by whoever opened it
            self.failed = error


def visible(seen: list[Look], offset: int) -> int:
    """When a position behind this offset was first seen."""
    return seen[bisect_left(seen, (offset + 1, 0))][1]
