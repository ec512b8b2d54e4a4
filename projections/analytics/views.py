"""Playback events as rows of `video_views`: one event, one row; the greatest `ver` of a view wins."""

import polars as pl

from projections.analytics.columns import count, given, instant, placed, text

_RANKS = {"view.started": 0, "view.heartbeat": 1, "view.ended": 2}
_RANK_BIT, _SEQ_BIT = 62, 31


def view_rows(event_type: str, frame: pl.DataFrame) -> pl.DataFrame | None:
    """The rows of one playback event type, or None for any other."""
    if event_type not in _RANKS:
        return None
    started_at = "started_at" if "started_at" in frame.columns else "occurred_at"
    viewer, creator = pl.col("actor_id"), text(frame, "creator_id")
    return frame.select(
        "view_id",
        viewer.alias("viewer_id"),
        "video_id",
        creator,
        text(frame, "sound_id"),
        given(frame, "hashtags", pl.List(pl.String), []),
        "surface",
        text(frame, "request_id"),
        count(frame, "position", pl.UInt16),
        "source",
        text(frame, "country"),
        text(frame, "platform"),
        instant(pl.col(started_at)).alias("started_at"),
        *(count(frame, name) for name in ("duration_ms", "watch_ms", "content_ms", "max_pos_ms")),
        count(frame, "loops", pl.UInt16),
        *(count(frame, name) for name in ("seg_mask", "startup_ms", "stall_ms")),
        count(frame, "rung", pl.UInt16),
        (pl.col("exit") if "exit" in frame.columns else pl.lit("open")).alias("exit_reason"),
        (viewer == creator).alias("is_self"),
        count(frame, "seq"),
        _version(event_type, frame).alias("ver"),
        placed(),
    )


def _version(event_type: str, frame: pl.DataFrame) -> pl.Expr:
    """The end before heartbeats before the start, then seq, then watch_ms, in 64 bits."""
    rank = pl.lit(_RANKS[event_type] << _RANK_BIT, pl.UInt64)
    seq = count(frame, "seq", pl.UInt64) * (1 << _SEQ_BIT)
    return rank + seq + count(frame, "watch_ms", pl.UInt64)
