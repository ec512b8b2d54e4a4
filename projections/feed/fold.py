"""The following feed's fold: what events ask of the feeds, and what a feed is.

A feed is a function of the facts: the newest 400 of the union of the followed accounts' timelines, by
(published_at, video_id). An account's timeline is its published videos that were not deleted. Of
several publications of one video the least version is the one that counts (first wins), of follows
and unfollows the greatest, and a deletion is never taken back: the order of arrival changes nothing.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from projections.keyset import Keyset, page
from projections.versions import occurred
from schemas.batch import Records

TOPICS: tuple[str, ...] = ("rf.graph.v1", "rf.video.v1")
CAP = 400
"""Videos in a feed."""


class Follow(NamedTuple):
    """The actor follows the target, or no longer does."""

    kind: Literal["follow", "unfollow"]
    actor: str
    target: str
    version: str


class Publish(NamedTuple):
    """A video joins its author's timeline; ``at`` is published_at, epoch ms, in 16 digits at most."""

    kind: Literal["publish"]
    video: str
    author: str
    at: str
    version: str


class Delete(NamedTuple):
    """A video leaves every timeline, and cannot come back."""

    kind: Literal["delete"]
    video: str


Order = Follow | Publish | Delete

_LATEST = 2**53 - 1
"""Epoch ms. Redis orders by doubles and by text of 16 digits: what no clock says counts as the nearest time
that both can hold."""
_ASKING = "user.followed", "user.unfollowed", "video.published", "video.deleted"


def orders(batch: Records) -> list[Order]:
    """What the batch asks of the feeds, in offset order. Nobody follows themselves, and nobody without a name
    follows anyone: a fan-out goes on after a name."""
    found: list[Order] = []
    for row in batch.rows(*_ASKING):
        version = _version(occurred(row), row["event_id"])
        match row["event_type"]:
            case "video.published":
                at = str(min(max(row["published_at"], 0), _LATEST))
                found.append(Publish("publish", row["video_id"], row["creator_id"], at, version))
            case "video.deleted":
                found.append(Delete("delete", row["video_id"]))
            case followed if row["actor_id"] not in ("", row["target_id"]):
                kind: Literal["follow", "unfollow"] = "follow" if followed == "user.followed" else "unfollow"
                found.append(Follow(kind, row["actor_id"], row["target_id"], version))
    return found


def feed_page(videos: Iterable[Keyset], before: Keyset | None, limit: int, cap: int = CAP) -> list[Keyset]:
    """A page of the feed that these videos make; they may come twice, pushed and pulled."""
    newest = page(set(videos), None, cap)
    return page(newest, before, limit)


def _version(occurred_at: int, event_id: str) -> str:
    """(clamped occurred_at, event_id) as text that orders by its bytes, for the script in Redis."""
    return f"{occurred_at:016d}{event_id}"
