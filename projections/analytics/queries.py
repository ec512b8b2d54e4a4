"""Questions as SQL: pure text and parameters. Deduplicated by FINAL or by set-valued aggregates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ROLLUP_LATE_DAYS = 8
"""Events are accepted up to 7 days late, so older hours do not change."""


@dataclass(frozen=True, slots=True)
class Query:
    """A text and its parameters, which the server binds."""

    sql: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tables:
    """One generation's table names. ``database`` and ``generation`` come from settings, never a client."""

    database: str
    generation: int

    def named(self, table: str) -> str:
        """The full name, such as reelfold.events_g1."""
        return f"{self.database}.{table}_g{self.generation}"


def video_counts(tables: Tables, video_ids: list[str]) -> Query:
    """(video_id, views, likes, comments, shares) of the videos that have any."""
    events, edges = tables.named("events"), tables.named("edges")
    sql = f"""
SELECT video_id, sum(views), sum(likes), sum(comments), sum(shares) FROM
(
    SELECT video_id, uniqExact(target_id) AS views, 0 AS likes, 0 AS comments, 0 AS shares
    FROM {events} WHERE event_type = 'view.started' AND video_id IN {{videos:Array(String)}} GROUP BY video_id
    UNION ALL
    SELECT dst, 0, count(), 0, 0
    FROM {edges} FINAL WHERE edge = 'like' AND dst IN {{videos:Array(String)}} AND `on` GROUP BY dst
    UNION ALL
    SELECT video_id, 0, 0, uniqExact((actor_id, target_id)), 0
    FROM {events} WHERE event_type = 'comment.created' AND video_id IN {{videos:Array(String)}}
        AND (target_id, actor_id) NOT IN (SELECT dst, src FROM {edges} WHERE edge = 'comment_deleted')
    GROUP BY video_id
    UNION ALL
    SELECT video_id, 0, 0, 0, uniqExact(event_id)
    FROM {events} WHERE event_type = 'video.shared' AND video_id IN {{videos:Array(String)}} GROUP BY video_id
)
GROUP BY video_id"""
    return Query(sql, {"videos": video_ids})


def event_count(tables: Tables) -> Query:
    """(number of events, each once)."""
    return Query(f"SELECT count() FROM {tables.named('events')} FINAL", {})


def event_position(tables: Tables, event_id: str) -> Query:
    """(topic, partition, offset) of an event, or nothing."""
    sql = f"""
SELECT k_topic, k_partition, k_offset FROM {tables.named("events")}
WHERE event_id = {{event_id:UUID}} ORDER BY k_offset DESC LIMIT 1"""
    return Query(sql, {"event_id": event_id})


def runs(tables: Tables, topic: str, partitions: Sequence[int]) -> Query:
    """(partition, first, next, clock) of every run loaded of these partitions. Here and below older rows of a
    run may come with it: `chain` takes them in, and FINAL costs ten times the reading."""
    sql = f"""
SELECT partition, first, next, clock FROM {tables.named("offsets_loaded")}
WHERE topic = {{topic:String}} AND partition IN {{partitions:Array(UInt16)}}"""
    return Query(sql, {"topic": topic, "partitions": [*partitions]})


def runs_of_topics(tables: Tables, topics: Sequence[str], partitions: Sequence[int]) -> Query:
    """(topic, partition, first, next, clock) of every run loaded of these partitions of these topics."""
    sql = f"""
SELECT topic, partition, first, next, clock FROM {tables.named("offsets_loaded")}
WHERE topic IN {{topics:Array(String)}} AND partition IN {{partitions:Array(UInt16)}}"""
    return Query(sql, {"topics": [*topics], "partitions": [*partitions]})


def every_run(tables: Tables) -> Query:
    """(topic, partition, first, next, clock) of every run loaded."""
    return Query(f"SELECT topic, partition, first, next, clock FROM {tables.named('offsets_loaded')}", {})


def open_window(tables: Tables) -> Query:
    """(video_id, day) of all views that late events may still change, by the newest view."""
    views = tables.named("video_views")
    sql = f"""
SELECT DISTINCT video_id, toString(toDate(started_at)) FROM {views}
WHERE started_at >= (SELECT max(started_at) FROM {views}) - INTERVAL {ROLLUP_LATE_DAYS} DAY"""
    return Query(sql, {})


def view_months(tables: Tables) -> Query:
    """(month as yyyymm) of all views: those of a month are one partition of their table."""
    return Query(
        f"SELECT DISTINCT toYYYYMM(started_at) AS month FROM {tables.named('video_views')} ORDER BY month", {}
    )


def video_hourly(tables: Tables, video_ids: list[str], days: list[str]) -> Query:
    """Recompute video_hourly for these videos on these days. An hour whose views moved gets zeros."""
    among = "video_id IN {videos:Array(String)} AND toDate(%s) IN {days:Array(Date)}"
    return Query(_hourly(tables, among), {"videos": video_ids, "days": days})


def month_hourly(tables: Tables, month: int) -> Query:
    """Recompute video_hourly for all videos of a month (yyyymm)."""
    return Query(_hourly(tables, "toYYYYMM(%s) = {month:UInt32}") + _SPILL, {"month": month})


def creator_daily(tables: Tables, video_ids: list[str], days: list[str]) -> Query:
    """Recompute creator_daily from video_hourly for the creators of these videos on these days."""
    among = f"""toDate(hour) IN {{days:Array(Date)}} AND creator_id IN
    (SELECT creator_id FROM {tables.named("video_hourly")} WHERE video_id IN {{videos:Array(String)}})"""
    return Query(_daily(tables, among), {"videos": video_ids, "days": days})


def month_daily(tables: Tables, month: int) -> Query:
    """Recompute creator_daily from video_hourly for all creators of a month (yyyymm)."""
    return Query(_daily(tables, "toYYYYMM(hour) = {month:UInt32}") + _SPILL, {"month": month})


_SPILL = " SETTINGS max_bytes_before_external_group_by = 536870912"
"""A month's groups go to disk beyond this."""


def _hourly(tables: Tables, among: str) -> str:
    """``among``: a condition, with %s for the time."""
    return f"""
INSERT INTO {tables.named("video_hourly")}
SELECT video_id, hour, max(creator_id), countIf(seen), countIf(seen AND NOT is_self
        AND watch_ms >= if(duration_ms = 0, 3000, least(3000, duration_ms / 2))),
    uniqCombined64StateIf(viewer_id, seen), sum(watch_ms),
    countIf(seen AND duration_ms > 0 AND content_ms >= 0.95 * duration_ms), countIf(loops > 0),
    countIf(exit_reason = 'skipped' AND watch_ms < 2000), sum(stall_ms), now64(3)
FROM
(
    SELECT video_id, toStartOfHour(started_at) AS hour, creator_id, true AS seen, is_self, watch_ms,
        duration_ms, viewer_id, content_ms, loops, toString(exit_reason) AS exit_reason, stall_ms
    FROM {tables.named("video_views")} FINAL
    WHERE {among % "started_at"}
    UNION ALL
    SELECT video_id, hour, creator_id, false, false, 0, 0, '', 0, 0, '', 0
    FROM {tables.named("video_hourly")} FINAL
    WHERE {among % "hour"}
)
GROUP BY video_id, hour"""


def _daily(tables: Tables, among: str) -> str:
    return f"""
INSERT INTO {tables.named("creator_daily")}
SELECT creator_id, toDate(hour) AS day, sum(plays), sum(engaged_views), uniqCombined64MergeState(viewers),
    sum(watch_ms), sum(completions), uniqExactIf(video_id, plays > 0), now64(3)
FROM {tables.named("video_hourly")} FINAL
WHERE creator_id != '' AND {among}
GROUP BY creator_id, day"""
