"""Trending's fold: what rises, in buckets of time; ranking adds the buckets up with decay.

A person counts once for each kind, video and hour of (clamped) occurred_at, so that nobody trends by
watching in a loop; the memory of who counted is projections/recent.py. Weights are integers, the
published ones times ten (views .1, likes 2, comments 3, shares 4), so sums are exact and partitions
commute. What is taken back (an unlike, a deleted comment) is not subtracted: it decays.

Five-minute buckets serve the window of one hour, hourly ones those of a day and a week. Ages are whole
buckets on the stream clock; a score halves every quarter of its window.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from projections.frames import picked, stacked, summed
from projections.recent import ID
from projections.trending.store import Window
from projections.versions import clamped
from schemas.batch import APPENDED_AT, OFFSET, PARTITION, POSITION_COLUMNS, Records

NAME = "trending"
TOPICS: tuple[str, ...] = ("rf.playback.v1", "rf.engagement.v1")
TOP = 1_000
"""Videos in a rank."""

WEIGHTS: Mapping[str, int] = {"view.started": 1, "video.liked": 20, "comment.created": 30, "video.shared": 40}
UNIT = 0.1
"""What a weight of one is worth in a score."""

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS


@dataclass(frozen=True, slots=True)
class Size:
    """A size of bucket: its name in keys, its width, and how long after its start a bucket is kept."""

    name: str
    width_ms: int
    kept_ms: int


FINE = Size("5m", 5 * _MINUTE_MS, 2 * _HOUR_MS)
COARSE = Size("1h", _HOUR_MS, 8 * 24 * _HOUR_MS)
SIZES = {size.name: size for size in (FINE, COARSE)}
WINDOWS: Mapping[Window, tuple[Size, int]] = {
    "1h": (FINE, _HOUR_MS),
    "24h": (COARSE, 24 * _HOUR_MS),
    "7d": (COARSE, 7 * 24 * _HOUR_MS),
}
"""Window -> (size of its buckets, its length)."""

Bucket = tuple[str, int]
"""(name of the size, number: start = number * width)"""
Buckets = dict[Bucket, Counter[str]]
"""Bucket -> video -> weight."""


def countable(batch: Records) -> pl.DataFrame:
    """Who may count: a record with its video, time and weight, and the id by which it counts once."""
    found = picked(batch, _COUNTABLE)
    if not found:
        return _NONE_COUNTABLE
    return found[0] if len(found) == 1 else stacked(found).sort(PARTITION, OFFSET)


def _columns(weight: int) -> Sequence[pl.Expr]:
    return (
        pl.col(*POSITION_COLUMNS),
        pl.struct("actor_id", "video_id", pl.lit(weight), clamped() // _HOUR_MS).hash().alias(ID),
        pl.col("video_id"),
        clamped().alias("at"),
        pl.lit(weight, pl.Int64).alias("weight"),
    )


_COUNTABLE = {event_type: _columns(weight) for event_type, weight in WEIGHTS.items()}
"""Made once: for a few rows, to spell out what is asked of them costs more than the answer."""
_NONE_COUNTABLE = pl.DataFrame(
    schema={
        **POSITION_COLUMNS,
        ID: pl.UInt64,
        "video_id": pl.String,
        "at": pl.Int64,
        "weight": pl.Int64,
    }
)


def added(fresh: pl.DataFrame) -> Buckets:
    """What the records that count (fresh ones of `countable`) add to each bucket and video.

    A record too old for a size when it was appended is left out of it: no window would ask for it.
    """
    found: Buckets = {}
    timed = fresh.select_seq(_TIMED)
    for video, number, fine, coarse, weight in summed(timed, _KEYS, "weight"):
        if fine:
            found.setdefault((FINE.name, number), Counter())[video] += weight
        if coarse:
            hour = number * FINE.width_ms // COARSE.width_ms
            found.setdefault((COARSE.name, hour), Counter())[video] += weight
    return found


def _timely(size: Size) -> pl.Expr:
    return pl.col("at") > pl.col(APPENDED_AT) - size.kept_ms


_KEYS = "video_id", "number", "fine", "coarse"
_TIMED = (
    pl.col("video_id"),
    (pl.col("at") // FINE.width_ms).alias("number"),
    _timely(FINE).alias("fine"),
    _timely(COARSE).alias("coarse"),
    pl.col("weight"),
)


def starts_at(bucket: Bucket) -> int:
    """When a bucket starts, epoch ms."""
    name, number = bucket
    return number * SIZES[name].width_ms


def outdated(bucket: Bucket, clock: int) -> bool:
    """Whether no window will ask for this bucket again, at this stream clock or later."""
    return starts_at(bucket) <= clock - SIZES[bucket[0]].kept_ms


def decay(window: Window, clock: int) -> dict[Bucket, float]:
    """The buckets of a window at this stream clock, each with the worth of a weight of one in it.

    The bucket after the clock's is there too: a client's clock may be five minutes ahead.
    """
    size, length = WINDOWS[window]
    now = clock // size.width_ms
    half_life = length / 4
    return {
        (size.name, now - age): UNIT * 0.5 ** (max(age, 0) * size.width_ms / half_life)
        for age in range(-1, length // size.width_ms)
    }
