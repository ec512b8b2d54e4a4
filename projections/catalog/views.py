"""The catalog's read models as functions of facts: shared by Redis and the memory twin, so they agree."""

from typing import Any

from projections.catalog.fold import Fact, Facts
from projections.catalog.store import Rendition, Thumbnail, User, Video, VideoState

_CREATORS = "started", "published", "described", "deleted"
"""Facts that name the creator, the most telling first."""


def user_view(user_id: str, facts: Facts) -> User | None:
    """The account, or None before its registration is known."""
    registered = facts.get("registered")
    if registered is None:
        return None
    return User(
        user_id=user_id,
        username=_plain(facts, "username") or registered.value["username"],
        display_name=_plain(facts, "display_name"),
        bio=_plain(facts, "bio"),
        avatar_key=_plain(facts, "avatar_key"),
        registered_at=registered.version[0],
    )


def state_of(facts: Facts) -> VideoState:
    """Where the video stands. What viewers were shown goes before what the pipeline says of it."""
    if "deleted" in facts:
        return "deleted"
    if "published" in facts:
        return "published"
    if _rejected(facts):
        return "rejected"
    if "completed" in facts:
        return "ready"
    if "failed" in facts:
        return "failed"
    arrived = "uploaded" in facts or "verdict" in facts or bool(_of(facts, "rendition:"))
    return "processing" if arrived else "uploading"


def video_view(video_id: str, facts: Facts) -> Video | None:
    """The video as far as its facts tell, or None when nothing is known of it."""
    if not facts:
        return None
    started, described = _value(facts, "started"), _value(facts, "described")
    verdict, published, playlist = (_value(facts, name) for name in ("verdict", "published", "playlist"))
    created = facts.get("started") or min(facts.values(), key=lambda fact: fact.version)
    return Video(
        video_id=video_id,
        creator_id=next((facts[name].value["creator_id"] for name in _CREATORS if name in facts), ""),
        upload_id=started.get("upload_id", ""),
        state=state_of(facts),
        title=described.get("title", ""),
        caption=described.get("caption", ""),
        hashtags=tuple(described.get("hashtags", ())),
        mentions=tuple(described.get("mentions", ())),
        sound_id=described.get("sound_id"),
        visibility=described.get("visibility", "public"),
        duration_ms=verdict.get("duration_ms"),
        width=verdict.get("width"),
        height=verdict.get("height"),
        created_at=created.version[0],
        published_at=published.get("published_at"),
        publish=started.get("publish", "auto"),
        reject_code=verdict.get("code") or _value(facts, "failed").get("code"),
        reject_detail=verdict.get("detail"),
        master_key=playlist.get("key"),
        renditions=_renditions(facts, playlist.get("ladder_version")),
        thumbnails=_thumbnails(facts),
    )


def _renditions(facts: Facts, ladder_version: str | None) -> tuple[Rendition, ...]:
    """Of the master playlist's ladder where there is one: rungs of an older ladder are not mixed in."""
    made = [fact.value for fact in _of(facts, "rendition:")]
    shown = [value for value in made if ladder_version in (None, value["ladder_version"])]
    fields = Rendition.__dataclass_fields__
    views = [Rendition(**{name: value[name] for name in fields}) for value in shown]
    return tuple(sorted(views, key=lambda one: (one.kind, -one.rung, one.key)))


def _thumbnails(facts: Facts) -> tuple[Thumbnail, ...]:
    views = [Thumbnail(**fact.value) for fact in _of(facts, "thumbnail:")]
    return tuple(sorted(views, key=lambda one: (one.at_ms, one.key)))


def _rejected(facts: Facts) -> bool:
    return bool(_value(facts, "verdict").get("event_type") == "video.rejected")


def _of(facts: Facts, prefix: str) -> list[Fact]:
    return [fact for name, fact in facts.items() if name.startswith(prefix)]


def _value(facts: Facts, name: str) -> dict[str, Any]:
    return facts[name].value if name in facts else {}


def _plain(facts: Facts, name: str) -> str | None:
    return facts[name].value if name in facts else None
