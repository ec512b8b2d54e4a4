"""Engagement's fold: how many, by whom, and what was said.

Views count once by view_id, shares once by event_id (projections/recent.py). A like is a toggle of its
actor: the greatest (clamped occurred_at, event_id) wins and an unlike stays as a tombstone. A comment
belongs to its actor: the first creation of a comment_id counts, its actor's deletion is terminal even
when it comes first, and another actor's has no effect. Self-views count.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import polars as pl

from projections.recent import ID
from projections.versions import clamped
from schemas.batch import OFFSET, PARTITION, POSITION_COLUMNS, Records

NAME = "engagement"
TOPICS: tuple[str, ...] = ("rf.playback.v1", "rf.engagement.v1")

Pair = tuple[str, str]
"""(actor, video) of a like, (actor, comment_id) of a comment."""
Kind = str
"""views, likes, comments or shares."""

_ONCE: Mapping[str, tuple[Kind, str]] = {
    "view.started": ("views", "view_id"),
    "video.shared": ("shares", "event_id"),
}
"""Counted once for each actor and id: event type -> (kind, field of the id)."""


class Like(NamedTuple):
    """An actor's last word on a video: a later one is the greater."""

    at: int
    event_id: str
    on: bool


@dataclass(frozen=True, slots=True)
class Said:
    """A comment that stands; its text is sealed."""

    video_id: str
    at: int
    event_id: str
    parent_id: str | None
    pii: str | None
    pii_key_id: str | None


Comments = dict[Pair, Said | None]
"""Comments by (actor, comment_id); None is a tombstone: deleted, for good."""


@dataclass(slots=True)
class Changes:
    """What a batch changes, given what was stored."""

    counts: Counter[tuple[str, Kind]] = field(default_factory=Counter)
    """(video, kind) -> by how much; no zeros."""
    likes: dict[Pair, Like] = field(default_factory=dict)
    comments: Comments = field(default_factory=dict)
    withdrawn: dict[Pair, str] = field(default_factory=dict)
    """Comments that stood in the store and no longer do, with their video."""


def countable(batch: Records) -> pl.DataFrame:
    """The records counted once by id: video_id and kind beside what the memory of ids needs."""
    found = [
        frame.select(columns)
        for event_type, columns in _COUNTABLE.items()
        if (frame := batch.frame(event_type)) is not None
    ]
    if not found:
        return _NONE_COUNTABLE
    return found[0] if len(found) == 1 else pl.concat(found).sort(PARTITION, OFFSET)


_COUNTABLE = {
    event_type: (
        pl.col(*POSITION_COLUMNS),
        pl.struct("actor_id", identity).hash().alias(ID),
        pl.col("video_id"),
        pl.lit(kind).alias("kind"),
    )
    for event_type, (kind, identity) in _ONCE.items()
}
"""Made once: for a few rows, to spell out what is asked of them costs more than the answer."""
_NONE_COUNTABLE = pl.DataFrame(
    schema={**POSITION_COLUMNS, ID: pl.UInt64, "video_id": pl.String, "kind": pl.String}
)


def likes(batch: Records) -> dict[Pair, Like]:
    """The last word of the batch on each (actor, video)."""
    said = [
        frame.select(columns)
        for event_type, columns in _TOGGLES.items()
        if (frame := batch.frame(event_type)) is not None
    ]
    if not said:
        return {}
    pairs = ("actor_id", "video_id")
    last = (
        pl.concat(said).sort("occurred_at", "event_id", "on").unique(pairs, keep="last", maintain_order=True)
    )
    return {(actor, video): Like(at, event_id, on) for actor, video, at, event_id, on in last.rows()}


_TOGGLES = {
    event_type: (
        pl.col("actor_id"),
        pl.col("video_id"),
        clamped(),
        pl.col("event_id"),
        pl.lit(on).alias("on"),
    )
    for event_type, on in (("video.liked", True), ("video.unliked", False))
}


def remarked(batch: Records) -> list[Pair]:
    """The (actor, comment_id) that the batch speaks of: what must be read before `changes`."""
    found: dict[Pair, None] = {}
    for event_type in ("comment.created", "comment.deleted"):
        if (frame := batch.frame(event_type)) is not None:
            found |= dict.fromkeys(frame.select("actor_id", "comment_id").rows())
    return list(found)


def changes(
    batch: Records,
    fresh: pl.DataFrame,
    stored_likes: Mapping[Pair, Like],
    stored: Mapping[Pair, Said | None],
    said: Mapping[Pair, Like] | None = None,
) -> Changes:
    """What the batch changes: ``fresh`` of `countable`, and what is stored of `likes` and `remarked`.

    A pair that is not stored is absent from the mappings. ``said``: the batch's `likes`, where known.
    """
    made = Changes()
    for video, kind, number in fresh.group_by("video_id", "kind").len().rows():
        made.counts[video, kind] += number
    for pair, like in (likes(batch) if said is None else said).items():
        before = stored_likes.get(pair)
        if before is None or like > before:
            made.likes[pair] = like
            made.counts[pair[1], "likes"] += like.on - (before is not None and before.on)
    _comment(batch, stored, made)
    made.counts = Counter({name: number for name, number in made.counts.items() if number})
    return made


def _comment(batch: Records, stored: Mapping[Pair, Said | None], made: Changes) -> None:
    now = dict(stored)
    for row in _remarks(batch):
        pair = row["actor_id"], row["comment_id"]
        if row["event_type"] == "comment.deleted":
            now[pair] = made.comments[pair] = None
        elif pair not in now:
            now[pair] = made.comments[pair] = Said(
                row["video_id"],
                row["occurred_at"],
                row["event_id"],
                row["parent_id"],
                row["pii"],
                row["pii_key_id"],
            )
    for pair, said in list(made.comments.items()):
        before = stored.get(pair)
        if pair in stored and said == before:
            del made.comments[pair]
        elif before is not None:
            made.withdrawn[pair] = before.video_id
            made.counts[before.video_id, "comments"] -= 1
        elif said is not None:
            made.counts[said.video_id, "comments"] += 1


def _remarks(batch: Records) -> list[dict[str, Any]]:
    """Creations and deletions in offset order, only the columns that matter."""
    names = ("event_type", "actor_id", "comment_id", "video_id", "occurred_at", "event_id")
    sealed = ("parent_id", "pii", "pii_key_id")
    found = []
    for event_type, columns in (("comment.created", names + sealed), ("comment.deleted", names)):
        if (frame := batch.frame(event_type)) is not None:
            found.append(frame.with_columns(clamped()).select(OFFSET, *columns))
    return pl.concat(found, how="diagonal").sort(OFFSET).to_dicts() if found else []
