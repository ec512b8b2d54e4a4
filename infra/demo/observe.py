"""What the stores say, asked from outside: counts through the API and through ClickHouse."""

import asyncio
from time import monotonic

from infra.demo.client import Client, DemoFailed
from infra.demo.expected import KINDS, CountsByVideo

SETTLE_TIMEOUT_S = 60.0
POLL_S = 0.004
_COUNTS_SQL = """
SELECT video_id, sum(v) AS views, sum(l) AS likes, sum(c) AS comments, sum(s) AS shares FROM (
  SELECT video_id, count() AS v, 0 AS l, 0 AS c, 0 AS s FROM video_views GROUP BY video_id
  UNION ALL SELECT dst, 0, countIf(`on`), 0, 0 FROM edges WHERE edge = 'like' GROUP BY dst
  UNION ALL SELECT video_id, 0, 0, countIf(created AND NOT deleted), 0 FROM (
    SELECT video_id, countIf(event_type = 'comment.created') > 0 AS created,
      countIf(event_type = 'comment.deleted') > 0 AS deleted
    FROM events WHERE event_type IN ('comment.created', 'comment.deleted')
    GROUP BY video_id, actor_id, target_id) GROUP BY video_id
  UNION ALL SELECT video_id, 0, 0, 0, uniqExact(event_id) FROM events
    WHERE event_type = 'video.shared' GROUP BY video_id)
WHERE has(splitByChar(',', {ids:String}), video_id) GROUP BY video_id"""


class Observer:
    """Looks until it sees, within a bound."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def settled(self, ids: list[str], expected: CountsByVideo) -> tuple[CountsByVideo, CountsByVideo]:
        """(Redis, ClickHouse) counts, as soon as they equal the expected ones or time is up."""
        until = monotonic() + SETTLE_TIMEOUT_S
        while True:
            redis, clickhouse = await self._redis_counts(ids), await self._clickhouse_counts(ids)
            if redis == clickhouse == expected or monotonic() > until:
                return redis, clickhouse
            await asyncio.sleep(0.1)

    async def _redis_counts(self, ids: list[str]) -> CountsByVideo:
        videos = [await self._client.get(f"/v1/videos/{video}") for video in ids]
        return {video["video_id"]: {kind: video["counts"][kind] for kind in KINDS} for video in videos}

    async def _clickhouse_counts(self, ids: list[str]) -> CountsByVideo:
        rows = await self._client.query(_COUNTS_SQL, ids=",".join(ids))
        nothing = {video: dict.fromkeys(KINDS, 0) for video in ids}
        return nothing | {row["video_id"]: {kind: int(row[kind]) for kind in KINDS} for row in rows}

    async def until_redis(self, video_id: str, views: int, began: float) -> float:
        """Milliseconds since ``began`` until the API shows this many views."""
        while monotonic() - began < SETTLE_TIMEOUT_S:
            if (await self._client.get(f"/v1/videos/{video_id}"))["counts"]["views"] >= views:
                return 1000 * (monotonic() - began)
            await asyncio.sleep(POLL_S)
        raise DemoFailed(f"a view was not in Redis within {SETTLE_TIMEOUT_S:.0f} s")

    async def until_clickhouse(self, event_id: str, began: float) -> float:
        """Milliseconds since ``began`` until ClickHouse has the event."""
        sql = "SELECT count() AS n FROM events WHERE event_id = {id:String} AND event_type = 'view.started'"
        while monotonic() - began < SETTLE_TIMEOUT_S:
            if int((await self._client.query(sql, id=event_id))[0]["n"]):
                return 1000 * (monotonic() - began)
            await asyncio.sleep(POLL_S)
        raise DemoFailed(f"a view was not in ClickHouse within {SETTLE_TIMEOUT_S:.0f} s")
