"""Records as rows of the analytics tables: pure, in columns.

Every row carries the place in the log that it comes from (k_topic, k_partition, k_offset). What is
sealed stays out: `pii` and its key id are never copied here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import polars as pl

from projections.analytics.columns import clamped, expressions, given, instant, placed, text
from projections.analytics.views import view_columns
from schemas.batch import POSITION_COLUMNS, Records

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


Columns = Callable[[str, Sequence[str]], Sequence[pl.Expr]]
"""A table's columns of an event type, whose frames have these columns; none where it makes no rows."""


@dataclass(frozen=True, slots=True)
class Insert:
    """Rows for one table and one month: the most that one insert may hold to be atomic."""

    table: str
    frame: pl.DataFrame


def tables(*batches: Records) -> dict[str, pl.DataFrame]:
    """The batches as a frame for each table that they have rows for."""
    found = {name: _concat(build, batches) for name, build in _BUILDERS.items()}
    return {name: frame for name, frame in found.items() if frame is not None}


def inserts(*batches: Records) -> list[Insert]:
    """The batches cut by table and month, in an order that does not depend on chance."""
    return [one for name, frame in tables(*batches).items() for one in _by_month(name, frame)]


def _by_month(table: str, frame: pl.DataFrame) -> Iterator[Insert]:
    column = MONTH_OF.get(table)
    if column is None or _of_one_month(frame[column]):
        yield Insert(table, frame)
        return
    months = frame[column].dt.strftime("%Y%m")
    for month in months.unique().sort():
        yield Insert(table, frame.filter(months == month))


def _of_one_month(times: pl.Series) -> bool:
    """As nearly all that is live; to look costs a tenth of naming every row's month."""
    first: Any = times.min()
    last: Any = times.max()
    return bool((first.year, first.month) == (last.year, last.month))


def _concat(build: Columns, batches: Sequence[Records]) -> pl.DataFrame | None:
    planned = (
        (frame, _planned(build, batch.topic, name, tuple(frame.columns)))
        for batch in batches
        for name, frame in batch.frames.items()
    )
    frames = [frame.select_seq(plan) for frame, plan in planned if plan and frame.height]
    return pl.concat(frames) if frames else None


@lru_cache(maxsize=1024)
def _planned(build: Columns, topic: str, event_type: str, found: tuple[str, ...]) -> Sequence[pl.Expr]:
    """A table's columns of an event type: spelled out once, for that costs more than a few rows' answer."""
    columns = build(event_type, found)
    return (*columns, pl.lit(topic).alias("k_topic")) if columns else ()


def _events(event_type: str, found: Sequence[str]) -> Sequence[pl.Expr]:
    target = next((name for name in _TARGETS if name in found), None)
    rest = [name for name in found if name not in _OWN_COLUMNS and name != target]
    return expressions(
        "event_id",
        pl.lit(event_type).alias("event_type"),
        "source",
        instant(pl.col("occurred_at")).alias("occurred_at"),
        instant(pl.col("received_at")).alias("received_at"),
        "actor_id",
        *(text(found, name) for name in ("device_id", "session_id", "video_id", "creator_id")),
        (text(found, target) if target else pl.lit("")).alias("target_id"),
        text(found, "sound_id"),
        given(found, "hashtags", pl.List(pl.String), []),
        "surface",
        text(found, "request_id"),
        given(found, "position", pl.Int64, 0).clip(0, _MAX_POSITION).cast(pl.UInt16),
        text(found, "country"),
        text(found, "platform"),
        pl.struct(rest).struct.json_encode().alias("props"),
        *placed(),
    )


def _edges(event_type: str, found: Sequence[str]) -> Sequence[pl.Expr]:
    if event_type not in _EDGES:
        return ()
    edge, target, on = _EDGES[event_type]
    return expressions(
        pl.lit(edge).alias("edge"),
        pl.col("actor_id").alias("src"),
        pl.col(target).alias("dst"),
        pl.lit(on).alias("on"),
        instant(clamped()).alias("at"),
        "event_id",
        *placed(),
    )


def _impressions(event_type: str, found: Sequence[str]) -> Sequence[pl.Expr]:
    if event_type != "feed.impression":
        return ()
    return expressions(
        "video_id",
        pl.coalesce("request_id", "event_id").alias("request_id"),
        pl.col("actor_id").alias("viewer_id"),
        text(found, "creator_id"),
        "surface",
        given(found, "position", pl.Int64, 0).clip(0, _MAX_POSITION).cast(pl.UInt16),
        instant(pl.col("occurred_at")).alias("at"),
        pl.col("visible_ms").clip(0).cast(pl.UInt32),
        pl.col("pct_visible").clip(0, 100).cast(pl.UInt8),
        *placed(),
    )


_BUILDERS: Mapping[str, Columns] = {
    "events": _events,
    "video_views": view_columns,
    "edges": _edges,
    "impressions": _impressions,
}
