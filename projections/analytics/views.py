"""Playback events as rows of `video_views`: one event, one row; the greatest `ver` of a view wins."""

from collections.abc import Sequence

import polars as pl

from projections.analytics.columns import count, expressions, given, instant, placed, text

_RANKS = {"view.started": 0, "view.heartbeat": 1, "view.ended": 2}
_RANK_BIT, _SEQ_BIT = 62, 31


def view_columns(event_type: str, found: Sequence[str]) -> Sequence[pl.Expr]:
    """The columns of one playback event type, or none for any other."""
    if event_type not in _RANKS:
        return ()
    started_at = "started_at" if "started_at" in found else "occurred_at"
    viewer, creator = pl.col("actor_id"), text(found, "creator_id")
    return expressions(
        "view_id",
        viewer.alias("viewer_id"),
        "video_id",
        creator,
        text(found, "sound_id"),
        given(found, "hashtags", pl.List(pl.String), []),
        "surface",
        text(found, "request_id"),
        count(found, "position", pl.UInt16),
        "source",
        text(found, "country"),
        text(found, "platform"),
        instant(pl.col(started_at)).alias("started_at"),
        *(count(found, name) for name in ("duration_ms", "watch_ms", "content_ms", "max_pos_ms")),
        count(found, "loops", pl.UInt16),
        *(count(found, name) for name in ("seg_mask", "startup_ms", "stall_ms")),
        count(found, "rung", pl.UInt16),
        (pl.col("exit") if "exit" in found else pl.lit("open")).alias("exit_reason"),
        (viewer == creator).alias("is_self"),
        count(found, "seq"),
        _version(event_type, found).alias("ver"),
        *placed(),
    )


def _version(event_type: str, found: Sequence[str]) -> pl.Expr:
    """The end before heartbeats before the start, then seq, then watch_ms, in 64 bits."""
    rank = pl.lit(_RANKS[event_type] << _RANK_BIT, pl.UInt64)
    seq = count(found, "seq", pl.UInt64) * (1 << _SEQ_BIT)
    return rank + seq + count(found, "watch_ms", pl.UInt64)
