"""A record batch as rows of the analytics tables: pure, in columns.

Every row carries the place in the log that it comes from (k_topic, k_partition, k_offset). What is
sealed stays out: `pii` and its key id are never copied here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from projections.analytics.columns import clamped, given, instant, placed, text
from projections.analytics.views import view_rows
from schemas.batch import POSITION_COLUMNS, RecordBatch

TABLES = ("events", "video_views", "edges", "impressions")
MONTH_OF: Mapping[str, str] = {"events": "occurred_at", "video_views": "started_at"}
"""The column whose month is a table's partition; the others have one partition."""

_TARGETS = ("target_id", "comment_id", "view_id", "upload_id", "share_id", "user_id", "job_id")
_OWN_COLUMNS = frozenset(
    ["event_id", "event_type", "source", "occurred_at", "received_at", "actor_id", "device_id", "session_id"]
    + ["video_id", "creator_id", "sound_id", "hashtags", "surface", "request_id", "position", "country"]
    + ["platform", "pii", "pii_key_id", *POSITION_COLUMNS]
)
_EDGES: Mapping[str, tuple[str, str, bool]] = {
    "user.followed": ("follow", "target_id", True),
    "user.unfollowed": ("follow", "target_id", False),
    "video.liked": ("like", "video_id", True),
    "video.unliked": ("like", "video_id", False),
    "comment.deleted": ("comment_deleted", "comment_id", True),
}
_MAX_POSITION = (1 << 16) - 1


@dataclass(frozen=True, slots=True)
class Insert:
    """Rows for one table and one month: the most that one insert may hold to be atomic."""

    table: str
    frame: pl.DataFrame


def tables(batch: RecordBatch) -> dict[str, pl.DataFrame]:
    """The batch as a frame for each table that it has rows for."""
    found = {name: _concat(build, batch) for name, build in _BUILDERS.items()}
    return {name: frame for name, frame in found.items() if frame is not None}


def inserts(batch: RecordBatch) -> list[Insert]:
    """The batch cut by table and month, in an order that does not depend on chance."""
    return [one for name, frame in tables(batch).items() for one in _by_month(name, frame)]


def _by_month(table: str, frame: pl.DataFrame) -> Iterator[Insert]:
    column = MONTH_OF.get(table)
    if column is None:
        yield Insert(table, frame)
        return
    months = frame[column].dt.strftime("%Y%m")
    for month in months.unique().sort():
        yield Insert(table, frame.filter(months == month))


def _concat(
    build: Callable[[str, pl.DataFrame], pl.DataFrame | None], batch: RecordBatch
) -> pl.DataFrame | None:
    built = (build(event_type, batch.frames[event_type]) for event_type in sorted(batch.frames))
    frames = [frame for frame in built if frame is not None and frame.height]
    if not frames:
        return None
    return pl.concat(frames).with_columns(
        pl.lit(batch.topic).alias("k_topic"), pl.lit(batch.partition, pl.UInt16).alias("k_partition")
    )


def _events(event_type: str, frame: pl.DataFrame) -> pl.DataFrame:
    target = next((name for name in _TARGETS if name in frame.columns), None)
    rest = [name for name in frame.columns if name not in _OWN_COLUMNS and name != target]
    return frame.select(
        "event_id",
        pl.lit(event_type).alias("event_type"),
        "source",
        instant(pl.col("occurred_at")).alias("occurred_at"),
        instant(pl.col("received_at")).alias("received_at"),
        "actor_id",
        *(text(frame, name) for name in ("device_id", "session_id", "video_id", "creator_id")),
        (text(frame, target) if target else pl.lit("")).alias("target_id"),
        text(frame, "sound_id"),
        given(frame, "hashtags", pl.List(pl.String), []),
        "surface",
        text(frame, "request_id"),
        given(frame, "position", pl.Int64, 0).clip(0, _MAX_POSITION).cast(pl.UInt16),
        text(frame, "country"),
        text(frame, "platform"),
        pl.struct(rest).struct.json_encode().alias("props"),
        placed(),
    )


def _edges(event_type: str, frame: pl.DataFrame) -> pl.DataFrame | None:
    if event_type not in _EDGES:
        return None
    edge, target, on = _EDGES[event_type]
    return frame.select(
        pl.lit(edge).alias("edge"),
        pl.col("actor_id").alias("src"),
        pl.col(target).alias("dst"),
        pl.lit(on).alias("on"),
        instant(clamped()).alias("at"),
        "event_id",
        placed(),
    )


def _impressions(event_type: str, frame: pl.DataFrame) -> pl.DataFrame | None:
    if event_type != "feed.impression":
        return None
    return frame.select(
        "video_id",
        pl.coalesce("request_id", "event_id").alias("request_id"),
        pl.col("actor_id").alias("viewer_id"),
        text(frame, "creator_id"),
        "surface",
        given(frame, "position", pl.Int64, 0).clip(0, _MAX_POSITION).cast(pl.UInt16),
        instant(pl.col("occurred_at")).alias("at"),
        pl.col("visible_ms").clip(0).cast(pl.UInt32),
        pl.col("pct_visible").clip(0, 100).cast(pl.UInt8),
        placed(),
    )


_BUILDERS: Mapping[str, Callable[[str, pl.DataFrame], pl.DataFrame | None]] = {
    "events": _events,
    "video_views": view_rows,
    "edges": _edges,
    "impressions": _impressions,
}
