"""The catalog's fold: events -> facts, and which of two facts about the same thing prevails.

An account or a video is a set of named facts, such as `described` or `rendition:<key>`. Each fact has
the version (clamped occurred_at, event_id) of the event that said it. Where an event type is "first wins" the
least version prevails, else the greatest; `deleted` is never taken back. Both are joins, so duplicates,
batching and order change nothing, and the two topics that speak of a video touch facts of their own.

"First" is by version and not by offset for that reason: a result must not depend on which of two
records the broker took first, nor change when a dead letter is driven again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from projections.versions import occurred
from schemas.batch import Records

TOPICS: tuple[str, ...] = ("rf.identity.v1", "rf.video.v1", "rf.media.v1")

Kind = Literal["user", "video"]
Entity = tuple[Kind, str]
"""(user or video, its id)"""
Version = tuple[int, str]
"""(clamped occurred_at epoch ms, event_id)"""


@dataclass(frozen=True, slots=True)
class Fact:
    """What an event said: ``value`` is JSON-able."""

    version: Version
    value: Any


Facts = Mapping[str, Fact]
"""Facts of one entity by name."""
Place = tuple[Literal["videos_of", "upload"], str, int]
"""(which list, whose, epoch ms that orders it): where a video is listed."""

_FIRST_WINS = frozenset(
    {"registered", "started", "uploaded", "verdict", "published", "deleted", "completed", "failed"}
)

_ABOUT_USER = "user.registered", "user.profile_updated"
_PROFILE = "username", "display_name", "bio", "avatar_key"

_SAYS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "user.registered": ("registered", ("username", "region")),
    "video.upload_started": ("started", ("upload_id", "creator_id", "bytes", "mime", "publish")),
    "video.uploaded": ("uploaded", ("raw_key", "bytes")),
    "video.validated": (
        "verdict",
        ("event_type", "original_key", "sha256", "width", "height", "duration_ms", "fps"),
    ),
    "video.rejected": ("verdict", ("event_type", "code", "detail")),
    "video.described": (
        "described",
        ("creator_id", "title", "caption", "hashtags", "mentions", "sound_id", "visibility"),
    ),
    "video.published": ("published", ("creator_id", "published_at", "ladder_version")),
    "video.deleted": ("deleted", ("creator_id", "reason")),
    "rendition.created": (
        "rendition:",
        (
            *("kind", "rung", "width", "height", "codecs", "bandwidth"),
            *("key", "bytes", "duration_ms", "ladder_version"),
        ),
    ),
    "playlist.created": ("playlist", ("key", "ladder_version")),
    "thumbnail.created": ("thumbnail:", ("at_ms", "key", "width", "height")),
    "transcode.completed": ("completed", ("ladder_version", "rungs")),
    "transcode.failed": ("failed", ("attempts", "code")),
}
"""Event type -> (the fact's name, the fields it keeps); a name that ends in : is completed by the key."""


def gathered(batch: Records) -> dict[Entity, dict[str, Fact]]:
    """What a batch says about each entity, the prevailing fact of each name."""
    found: dict[Entity, dict[str, Fact]] = {}
    for entity, name, fact in _said(batch):
        facts = found.setdefault(entity, {})
        if prevails(name, fact, facts.get(name)):
            facts[name] = fact
    return found


def prevails(name: str, fact: Fact, stored: Fact | None) -> bool:
    """Whether the fact takes the place of the stored one of the same name."""
    if stored is None:
        return True
    if name in _FIRST_WINS:
        return fact.version < stored.version
    return fact.version > stored.version


def changed(stored: Facts, said: Facts) -> dict[str, Fact]:
    """The facts of ``said`` that take the place of stored ones."""
    return {name: fact for name, fact in said.items() if prevails(name, fact, stored.get(name))}


def places(facts: Facts) -> set[Place]:
    """Where a video with these facts can be found: among its creator's, and under its upload.

    A deletion takes it from its creator's, whether it comes before or after the publication.
    """
    found: set[Place] = set()
    if "started" in facts:
        started = facts["started"]
        found.add(("upload", started.value["upload_id"], started.version[0]))
    if "published" in facts and "deleted" not in facts:
        published = facts["published"].value
        found.add(("videos_of", published["creator_id"], published["published_at"]))
    return found


PLACING = "started", "published", "deleted"
"""The facts that `places` looks at."""


def _said(batch: Records) -> Iterator[tuple[Entity, str, Fact]]:
    for row in batch.rows("user.profile_updated", *_SAYS):
        version = occurred(row), str(row["event_id"])
        for name, value in _named(row):
            yield _entity(row), name, Fact(version, value)


def _entity(row: Mapping[str, Any]) -> Entity:
    if row["event_type"] in _ABOUT_USER:
        return "user", row["user_id"]
    return "video", row["video_id"]


def _named(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    event_type = row["event_type"]
    if event_type == "user.profile_updated":
        yield from ((name, row[name]) for name in _PROFILE if row[name] is not None)
        return
    if event_type == "transcode.failed" and not row["terminal"]:
        return  # another attempt follows: not yet a fact about the video
    name, fields = _SAYS[event_type]
    value = {field: row[field] for field in fields}
    yield (name + value["key"] if name.endswith(":") else name), value
