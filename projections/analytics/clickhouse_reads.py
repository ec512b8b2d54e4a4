"""What readers ask of the analytics tables."""

import asyncio
from typing import Any

from projections.analytics import queries
from projections.analytics.asking import ask
from projections.analytics.queries import Query, Tables
from projections.analytics.store import EventPosition, VideoCounts

_VIDEOS_PER_QUERY = 200
"""Parameters travel in the URL, which is bounded."""


class ClickHouseAnalyticsReads:
    """The read side, on threads. ``client`` is clickhouse_connect's, made without a session id."""

    def __init__(self, client: Any, generation: int, database: str = "reelfold") -> None:
        self._client = client
        self._tables = Tables(database, generation)

    async def counts(self, video_ids: list[str]) -> list[VideoCounts]:
        """See AnalyticsReads."""
        found: dict[str, VideoCounts] = {}
        for start in range(0, len(video_ids), _VIDEOS_PER_QUERY):
            some = video_ids[start : start + _VIDEOS_PER_QUERY]
            rows = await self._ask(queries.video_counts(self._tables, some))
            found |= {video_id: VideoCounts(*numbers) for video_id, *numbers in rows}
        return [found.get(video_id, VideoCounts()) for video_id in video_ids]

    async def event_count(self) -> int:
        """See AnalyticsReads."""
        [(number,)] = await self._ask(queries.event_count(self._tables))
        return int(number)

    async def event_position(self, event_id: str) -> EventPosition | None:
        """See AnalyticsReads."""
        rows = await self._ask(queries.event_position(self._tables, event_id))
        return EventPosition(*rows[0]) if rows else None

    async def _ask(self, query: Query) -> list[tuple[Any, ...]]:
        return await asyncio.to_thread(ask, self._client, query)
