"""Seen's fold: when someone last watched each video, and when it was last shown to them.

A video was watched when it played, shown when it was on screen (feed.impression), seen when it was either.
The two are kept apart: each topic writes one of them, and a view, by far the most frequent fact, is written
once. Each video stands once in each, at its greatest time, and the newest CAP by (time, video_id) are kept:
what falls out has CAP newer ones before it for ever, so the result depends on the facts alone.
"""

from collections.abc import Sequence

import polars as pl

from projections.frames import greatest, picked, stacked
from projections.versions import clamped
from schemas.batch import Records

NAME = "seen"
TOPICS: tuple[str, ...] = ("rf.playback.v1", "rf.feed.v1")
CAP = 5_000
"""Videos remembered for each user, of those watched and of those shown."""


def _sighted(time: str) -> Sequence[pl.Expr]:
    return pl.col("actor_id"), pl.col("video_id"), clamped(time).alias("at")


_WATCHED = {"view.started": _sighted("occurred_at"), "view.ended": _sighted("started_at")}
"""When a video was watched: both say when it began to play, so a view whose start got lost is there too."""
_DISPLAYED = {"feed.impression": _sighted("occurred_at")}

EVENTS = frozenset((*_WATCHED, *_DISPLAYED))
"""All that is looked at: what was served says nothing of what was seen."""

LastTimes = dict[str, dict[str, int]]
"""User -> video -> greatest time, epoch ms."""
_NO_TIMES = pl.DataFrame(schema={"actor_id": pl.String, "video_id": pl.String, "at": pl.Int64})


def watched(batch: Records) -> pl.DataFrame:
    """The batch's greatest time for each (user, video) that played: actor_id, video_id, at."""
    return _greatest(picked(batch, _WATCHED))


def displayed(batch: Records) -> pl.DataFrame:
    """The same for each that was on screen."""
    return _greatest(picked(batch, _DISPLAYED))


def _greatest(frames: list[pl.DataFrame]) -> pl.DataFrame:
    if not frames:
        return _NO_TIMES
    return greatest(stacked(frames), ("actor_id", "video_id"), ("at",))


def by_user(times: pl.DataFrame) -> LastTimes:
    """The same of each user."""
    found: LastTimes = {}
    for user, video, at in times.rows():
        found.setdefault(user, {})[video] = at
    return found
