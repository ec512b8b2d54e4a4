"""Keeps both stores' pointers at what the log says is live, for as long as a worker runs.

The truth is the last generation.promoted on rf.ops.v1. Redis (live:generation) and ClickHouse's plain-named
views are copies: lost by FLUSHALL or a dropped database, or left behind by a command that died between its
steps. Setting them is idempotent, so every worker may do it.
"""

import threading
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import redis
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import KafkaException

from infra.clickhouse.migrate import MigrationError, point_views, shown
from infra.clients import clickhouse_client
from infra.kafka.ops_facts import OpsLog, Told
from infra.settings import Settings
from infra.telemetry import Log
from projections.analytics.asking import answering
from projections.live import FIRST, point
from projections.position import StoreUnavailable
from schemas.book import SchemaBook
from streams.replay.ops_history import archived

_log = Log("streams")
LOOK_S = 1.0
VIEWS_EVERY = 10
"""ClickHouse is looked at every so many rounds: a query, where Redis takes a small script."""
AWAY = (KafkaException, StoreUnavailable, ClickHouseError, MigrationError)


class PointerKeeper(threading.Thread):
    """A thread beside the lanes. ``live`` is None until the log was read to its end once."""

    def __init__(self, settings: Settings, book: SchemaBook, client: redis.Redis) -> None:
        super().__init__(name="pointer", daemon=True)
        self.live: int | None = None
        self._settings, self._book, self._client = settings, book, client
        self._last: Told | None = None
        self._stop = threading.Event()
        self._rounds = 0
        self._views: Any = None

    def is_live(self) -> bool:
        """Whether this worker's generation is the live one, as far as known."""
        return self.live == self._settings.generation

    def run(self) -> None:
        while not self._stop.is_set():
            try:
                with closing(OpsLog(self._settings, self._book, archived(self._settings, self._book))) as log:
                    while not self._stop.is_set():
                        self.round(log, LOOK_S)
            except AWAY as error:
                _log.debug("store_unavailable", error=str(error))
            except Exception as error:  # a bug here must not end the folds beside it
                _log.error("timer_failed", timer="pointer", error=repr(error), exc_info=error)
            self._stop.wait(LOOK_S)

    def close(self) -> None:
        """Stop keeping."""
        self._stop.set()

    def round(self, log: OpsLog, wait_s: float) -> None:
        """Look at the log and at the copies once. Raises what `AWAY` names."""
        before = self._last
        self._last = last_promotion(log.news(0.0 if self.live is None else wait_s)) or before
        self.live = FIRST if self._last is None else int(self._last.fact["generation"])
        if self._last is None:
            return
        if point(self._client, self.live, self._last.offset, log.end):
            _log.info("pointer_restored", store="redis", generation=self.live)
        if self._last != before or self._rounds % VIEWS_EVERY == 0:
            self._show(self.live)
        self._rounds += 1

    def _show(self, generation: int) -> None:
        database = self._settings.clickhouse_database
        with answering():
            self._views = self._views or clickhouse_client(self._settings)
            found = shown(self._views, database)
            if found and found != {generation}:
                point_views(self._views, generation, database)
                _log.info("pointer_restored", store="clickhouse", generation=generation)


def last_promotion(facts: Iterable[Told]) -> Told | None:
    """The fact that says what is live; None when nothing was ever promoted."""
    found = None
    for told in facts:
        if told.kind == "generation.promoted":
            found = told
    return found
