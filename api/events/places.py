"""Where an event stands in the log, and how far each fold has come there: what `GET /v1/events/{id}` asks."""

import asyncio
import threading
from collections.abc import Mapping
from typing import Any, Protocol

import redis.asyncio
from clickhouse_connect.driver.exceptions import ClickHouseError

from infra.clients import clickhouse_client
from infra.settings import Settings
from projections.analytics import queries
from projections.analytics.asking import ask
from projections.analytics.clickhouse import ClickHouseAnalyticsFold
from projections.analytics.queries import Query, Tables
from projections.analytics.runs import Run, chain
from projections.analytics.store import EventPosition
from projections.position import StoreUnavailable
from projections.redis_ledger import key, store_errors
from projections.topology import IN_REDIS


class EventPlaces(Protocol):
    """Both calls may raise StoreUnavailable."""

    async def find(self, generation: int, event_id: str) -> EventPosition | None:
        """Where this event (a UUID) stands, or None when this generation has not loaded it."""
        ...

    async def positions(self, generation: int, topic: str, partition: int) -> Mapping[str, int]:
        """Fold -> the next offset that it will fold here; 0 when it has folded nothing."""
        ...


class NoPlaces:
    """Where nobody knows."""

    async def find(self, generation: int, event_id: str) -> EventPosition | None:
        raise StoreUnavailable("no store here tells where events stand")

    async def positions(self, generation: int, topic: str, partition: int) -> Mapping[str, int]:
        raise StoreUnavailable("no store here tells where folds stand")


class StorePlaces:
    """By both stores. ClickHouse is connected to at the first question, which are few: one at a time."""

    def __init__(self, client: redis.asyncio.Redis, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._lock = threading.Lock()
        self._clickhouse: Any = None

    async def find(self, generation: int, event_id: str) -> EventPosition | None:
        rows = await self._ask(queries.event_position(self._tables(generation), event_id))
        return EventPosition(*rows[0]) if rows else None

    async def positions(self, generation: int, topic: str, partition: int) -> Mapping[str, int]:
        folds = [fold for fold, topics in IN_REDIS.items() if topic in topics]
        names = [key(generation, "position", fold, topic, partition) for fold in folds]
        with store_errors():
            stored = await self._client.mget(names) if names else []
        found = {fold: int(text or 0) for fold, text in zip(folds, stored, strict=True)}
        runs = await self._ask(queries.runs(self._tables(generation), topic, [partition]))
        loaded = chain(Run(*run) for _, *run in runs)
        return found | {ClickHouseAnalyticsFold.name: loaded.next if loaded else 0}

    def _tables(self, generation: int) -> Tables:
        return Tables(self._settings.clickhouse_database, generation)

    async def _ask(self, query: Query) -> list[tuple[Any, ...]]:
        return await asyncio.to_thread(self._asked, query)

    def _asked(self, query: Query) -> list[tuple[Any, ...]]:
        with self._lock:
            if self._clickhouse is None:
                try:
                    self._clickhouse = clickhouse_client(self._settings, reader=True)
                except ClickHouseError as error:
                    raise StoreUnavailable(f"ClickHouse does not answer: {error}") from error
            return ask(self._clickhouse, query)
