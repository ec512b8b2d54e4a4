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

from projections.frames import counted, greatest, kept, picked, stacked, summed
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
    """An actor's last word on a video: a later one is the greater. Stored as "at|event_id|1 or 0"."""

    at: int
    event_id: str
    on: bool

    @classmethod
    def of(cls, text: str) -> "Like":
        """The one that is stored so."""
        at, rest = text.split("|", 1)
        event_id, on = rest.rsplit("|", 1)
        return cls(int(at), event_id, on == "1")


_STORED = r"(?s)^(?<at>-?\d+)\|(?<event_id>.*)\|(?<on>[01])$"


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
    comments: Comments = field(default_factory=dict)
    withdrawn: dict[Pair, str] = field(default_factory=dict)
    """Comments that stood in the store and no longer do, with their video."""


def countable(batch: Records) -> pl.DataFrame:
    """The records counted once by id: video_id and kind beside what the memory of ids needs."""
    found = picked(batch, _COUNTABLE)
    if not found:
        return _NONE_COUNTABLE
    return found[0] if len(found) == 1 else stacked(found).sort(PARTITION, OFFSET)


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


def toggles(batch: Records) -> pl.DataFrame:
    """The last word of the batch on each (actor, video): actor_id, video_id, at, event_id, on."""
    said = picked(batch, _TOGGLES)
    if not said:
        return _NO_TOGGLES
    return greatest(stacked(said), ("actor_id", "video_id"), ("at", "event_id", "on"))


def turned(said: pl.DataFrame, stored: pl.Series) -> pl.DataFrame:
    """Those of `toggles` that come after what is stored of their pairs: actor_id, video_id, the text to keep,
    and how many likes the video has more. ``stored``: for each of them the text (String), or null."""
    if not said.height:
        return _NONE_TURNED
    before = stored.str.extract_groups(_STORED).struct.unnest()
    both = said.with_columns_seq(
        before["at"].cast(pl.Int64).alias("at_before"),
        before["event_id"].alias("id_before"),
        (before["on"] == "1").fill_null(False).alias("on_before"),
    )
    newer = both.select_seq(_NEWER).to_series().to_numpy()
    return kept(both, newer).select_seq(_TURNED)


_AT, _ID, _ON = pl.col("at"), pl.col("event_id"), pl.col("on")
_AT_BEFORE, _ID_BEFORE, _ON_BEFORE = pl.col("at_before"), pl.col("id_before"), pl.col("on_before")
_LATER_ID = (_ID > _ID_BEFORE) | ((_ID == _ID_BEFORE) & (_ON > _ON_BEFORE))
_NEWER = _AT_BEFORE.is_null() | (_AT > _AT_BEFORE) | ((_AT == _AT_BEFORE) & _LATER_ID)
"""As `Like` compares."""
_TURNED = (
    pl.col("actor_id", "video_id"),
    pl.format("{}|{}|{}", _AT, _ID, _ON.cast(pl.Int8)).alias("text"),
    (_ON.cast(pl.Int64) - _ON_BEFORE.cast(pl.Int64)).alias("step"),
)
_NONE_TURNED = pl.DataFrame(
    schema={"actor_id": pl.String, "video_id": pl.String, "text": pl.String, "step": pl.Int64}
)
_NO_TOGGLES = pl.DataFrame(
    schema={
        "actor_id": pl.String,
        "video_id": pl.String,
        "at": pl.Int64,
        "event_id": pl.String,
        "on": pl.Boolean,
    }
)
_TOGGLES = {
    event_type: (
        pl.col("actor_id"),
        pl.col("video_id"),
        clamped().alias("at"),
        pl.col("event_id"),
        pl.lit(on).alias("on"),
    )
    for event_type, on in (("video.liked", True), ("video.unliked", False))
}


def remarked(batch: Records) -> pl.DataFrame:
    """The (actor_id, comment_id) that the batch speaks of: what must be read before `changes`."""
    found = picked(batch, _REMARKED)
    return stacked(found).unique() if found else _NONE_REMARKED


_REMARKED = {name: [pl.col("actor_id", "comment_id")] for name in ("comment.created", "comment.deleted")}
_NONE_REMARKED = pl.DataFrame(schema={"actor_id": pl.String, "comment_id": pl.String})


def changes(
    batch: Records, fresh: pl.DataFrame, likes: pl.DataFrame, stored: Mapping[Pair, Said | None]
) -> Changes:
    """What the batch changes: ``fresh`` of `countable`, likes that have `turned`, and what is stored of
    `remarked`; a pair that is not stored is absent."""
    made = Changes()
    if fresh.height:
        made.counts.update({one[:2]: one[2] for one in counted(fresh, "video_id", "kind")})
    if likes.height:
        steps = summed(likes, ("video_id",), "step")
        made.counts.update({(video, "likes"): step for video, step in steps})
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
            found.append(frame.with_columns_seq(clamped()).select_seq(OFFSET, *columns))
    return pl.concat(found, how="diagonal").sort(OFFSET).to_dicts() if found else []
