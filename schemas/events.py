"""Made by `python -m schemas.generate` from schemas/avro; do not edit.

Frozen models of every event's newest version. Timestamps are epoch milliseconds.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """Strict, closed and frozen: an unknown field or a wrong type is an error that names it."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)



class ServedItem(Model):
    """One place of the slate."""

    video_id: str
    position: Annotated[int, Field(ge=-2147483648, le=2147483647)]
    sources: Annotated[tuple[str, ...], Field(strict=False)]
    score: float | None = None
    propensity: float | None = None
    slot_kind: str = "exploit"


class BackupArchived(Model):
    """A backup was written."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["backup.archived"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    run_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    what: Annotated[str, Field(max_length=64)]
    target: Annotated[str, Field(max_length=500)]
    objects: Annotated[int, Field(ge=0, le=9223372036854775807)]
    bytes: Annotated[int, Field(ge=0, le=9223372036854775807)]
    sha256: Annotated[str, Field(max_length=64)]


class CommentCreated(Model):
    """The actor commented. By comment_id; the text is sealed."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["comment.created"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    comment_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    creator_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    parent_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    mentions: Annotated[Annotated[tuple[Annotated[str, Field(max_length=128)], ...], Field(strict=False)], Field(max_length=30)] = ()


class CommentDeleted(Model):
    """The author took a comment away. Terminal; another actor's deletion has no effect."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["comment.deleted"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    comment_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]


class DeadLettersDiscarded(Model):
    """Dead letters were given up: they are listed no more."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["deadletters.discarded"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    run_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    letters: Annotated[int, Field(ge=0, le=9223372036854775807)]
    places: Annotated[Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(strict=False)], Field(max_length=4096)] = ()
    reason: Annotated[str, Field(max_length=500)] | None = None


class DeadLettersRedriven(Model):
    """Dead letters were published again on their topics."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["deadletters.redriven"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    run_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    letters: Annotated[int, Field(ge=0, le=9223372036854775807)]
    places: Annotated[Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(strict=False)], Field(max_length=4096)] = ()
    reason: Annotated[str, Field(max_length=500)] | None = None


class FeedImpression(Model):
    """An item was on screen. By (request_id, video_id)."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["feed.impression"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    creator_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    visible_ms: Annotated[int, Field(ge=0, le=86400000)]
    pct_visible: Annotated[int, Field(ge=0, le=100)] = 100


class FeedServed(Model):
    """A page of a feed was served, with everything that decided it. By request_id."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["feed.served"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    feed: Annotated[str, Field(max_length=32)]
    generation: Annotated[int, Field(ge=0, le=2147483647)]
    config_version: Annotated[str, Field(max_length=64)] | None = None
    seed: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)] | None = None
    positions: Annotated[Annotated[tuple[Annotated[str, Field(max_length=160)], ...], Field(strict=False)], Field(max_length=256)] = ()
    items: Annotated[Annotated[tuple[ServedItem, ...], Field(strict=False)], Field(max_length=200)]


class GenerationDropped(Model):
    """A generation's keys and tables were deleted."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["generation.dropped"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    run_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    generation: Annotated[int, Field(ge=1, le=2147483647)]
    redis_keys: Annotated[int, Field(ge=0, le=9223372036854775807)]
    clickhouse_tables: Annotated[int, Field(ge=0, le=2147483647)]


class GenerationPromoted(Model):
    """A generation became the one that is read: the truth of which is live is the last of these facts."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["generation.promoted"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    run_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    generation: Annotated[int, Field(ge=1, le=2147483647)]
    previous: Annotated[int, Field(ge=1, le=2147483647)]
    rollback: bool = False
    parity_run_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    positions: Annotated[Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(strict=False)], Field(max_length=4096)] = ()


class ParityChecked(Model):
    """Two generations were compared at one position vector."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["parity.checked"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    run_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    left: Annotated[int, Field(ge=1, le=2147483647)]
    right: Annotated[int, Field(ge=1, le=2147483647)]
    equal: bool
    redis_keys: Annotated[int, Field(ge=0, le=9223372036854775807)]
    clickhouse_rows: Annotated[int, Field(ge=0, le=9223372036854775807)]
    differing: Annotated[int, Field(ge=0, le=9223372036854775807)]
    examples: Annotated[Annotated[tuple[Annotated[str, Field(max_length=500)], ...], Field(strict=False)], Field(max_length=20)] = ()
    checksum: Annotated[str, Field(max_length=64)]
    held_ms: Annotated[int, Field(ge=0, le=9223372036854775807)]
    positions: Annotated[Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(strict=False)], Field(max_length=4096)] = ()


class PlaylistCreated(Model):
    """The master playlist is in the bucket. By key."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["playlist.created"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    key: Annotated[str, Field(max_length=256)]
    ladder_version: Annotated[str, Field(max_length=32)]


class RenditionCreated(Model):
    """One rung of the ladder, or the download file, is in the bucket and verified. By key."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["rendition.created"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    kind: Literal["hls", "mp4"] = "hls"
    rung: Annotated[int, Field(ge=1, le=2147483647)]
    width: Annotated[int, Field(ge=1, le=2147483647)]
    height: Annotated[int, Field(ge=1, le=2147483647)]
    codecs: Annotated[str, Field(max_length=64)]
    bandwidth: Annotated[int, Field(ge=0, le=9223372036854775807)]
    key: Annotated[str, Field(max_length=256)]
    bytes: Annotated[int, Field(ge=0, le=9223372036854775807)]
    frames: Annotated[int, Field(ge=0, le=2147483647)]
    duration_ms: Annotated[int, Field(ge=0, le=2147483647)]
    sha256: Annotated[str, Field(max_length=64)]
    ladder_version: Annotated[str, Field(max_length=32)]


class ReplayFinished(Model):
    """A replay into a generation ended."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["replay.finished"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    run_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    generation: Annotated[int, Field(ge=1, le=2147483647)]
    outcome: Annotated[str, Field(max_length=32)]
    bounded: bool = False
    records: Annotated[int, Field(ge=0, le=9223372036854775807)]
    archived: Annotated[int, Field(ge=0, le=9223372036854775807)] = 0
    seconds: Annotated[float, Field(ge=0)]
    detail: Annotated[str, Field(max_length=500)] | None = None
    positions: Annotated[Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(strict=False)], Field(max_length=4096)] = ()


class ReplayStarted(Model):
    """A replay into a generation began or was resumed."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["replay.started"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    run_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    generation: Annotated[int, Field(ge=1, le=2147483647)]
    to_time: Annotated[int, Field(ge=0, le=9223372036854775807)] | None = None
    to_offsets: Annotated[Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(strict=False)], Field(max_length=4096)] = ()
    only: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=64)] = ()
    rate: Annotated[int, Field(ge=0, le=9223372036854775807)] | None = None
    resumed: bool = False


class ThumbnailCreated(Model):
    """A thumbnail is in the bucket. By key."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["thumbnail.created"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    at_ms: Annotated[int, Field(ge=0, le=2147483647)]
    key: Annotated[str, Field(max_length=256)]
    width: Annotated[int, Field(ge=1, le=2147483647)]
    height: Annotated[int, Field(ge=1, le=2147483647)]


class TranscodeCompleted(Model):
    """Every rung of the ladder is in the bucket."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["transcode.completed"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    ladder_version: Annotated[str, Field(max_length=32)]
    rungs: Annotated[tuple[int, ...], Field(strict=False)]
    cpu_ms: Annotated[int, Field(ge=0, le=9223372036854775807)]


class TranscodeFailed(Model):
    """An attempt failed; terminal when no other follows."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["transcode.failed"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    ladder_version: Annotated[str, Field(max_length=32)]
    attempts: Annotated[int, Field(ge=1, le=2147483647)]
    code: Annotated[str, Field(max_length=48)]
    stderr_tail: Annotated[str, Field(max_length=2000)]
    terminal: bool


class TranscodeRequested(Model):
    """A hint that a job waits; the work list itself is a fold over the facts."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["transcode.requested"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    creator_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    job_id: Annotated[str, Field(max_length=200)]
    priority: Annotated[int, Field(ge=0, le=9)] = 0
    ladder_version: Annotated[str, Field(max_length=32)]


class UserFollowed(Model):
    """The actor follows another account. The greatest (occurred_at, event_id) of followed and unfollowed wins."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["user.followed"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    target_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]


class UserProfileUpdated(Model):
    """A profile changed; null leaves a field as it was. The greatest version of each field wins."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["user.profile_updated"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    user_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    username: Annotated[str, Field(min_length=1, max_length=30, pattern=r"^[A-Za-z0-9_.]+$")] | None = None
    display_name: Annotated[str, Field(max_length=64)] | None = None
    bio: Annotated[str, Field(max_length=300)] | None = None
    avatar_key: Annotated[str, Field(max_length=256)] | None = None


class UserRegistered(Model):
    """An account was created. The first wins."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["user.registered"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    user_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    username: Annotated[str, Field(min_length=1, max_length=30, pattern=r"^[A-Za-z0-9_.]+$")]
    region: Annotated[str, Field(max_length=2)] | None = None


class UserUnfollowed(Model):
    """The actor no longer follows another account."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["user.unfollowed"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    target_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]


class VideoDeleted(Model):
    """The video is gone. Terminal."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["video.deleted"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    creator_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    reason: Annotated[str, Field(max_length=200)] | None = None


class VideoDescribed(Model):
    """Title, caption and the like; public by purpose. The greatest version wins."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["video.described"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    creator_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    title: Annotated[str, Field(max_length=150)]
    caption: Annotated[str, Field(max_length=2200)]
    hashtags: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=30)] = ()
    mentions: Annotated[Annotated[tuple[Annotated[str, Field(max_length=128)], ...], Field(strict=False)], Field(max_length=30)] = ()
    sound_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    visibility: Literal["public", "followers", "private"] = "public"
    allow_duet: bool = True
    contains_ai: bool = False


class VideoLiked(Model):
    """The actor likes a video. The greatest (occurred_at, event_id) of liked and unliked wins."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["video.liked"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    creator_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None


class VideoPublished(Model):
    """The video can be watched. The first wins."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["video.published"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    creator_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    published_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    ladder_version: Annotated[str, Field(max_length=32)]


class VideoRejected(Model):
    """The upload was refused, with the reason."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["video.rejected"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    upload_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    creator_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    code: Annotated[str, Field(max_length=48)]
    detail: Annotated[str, Field(max_length=500)]


class VideoShared(Model):
    """The actor shared a video. By event_id."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["video.shared"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    creator_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    channel: Annotated[str, Field(max_length=32)] = "unknown"
    share_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None


class VideoUnliked(Model):
    """The actor takes a like back."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["video.unliked"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    creator_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None


class VideoUploadStarted(Model):
    """An upload was opened. By video_id."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["video.upload_started"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    upload_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    creator_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    bytes: Annotated[int, Field(ge=0, le=9223372036854775807)] | None = None
    mime: Annotated[str, Field(max_length=64)] | None = None
    publish: Literal["auto", "draft"] = "auto"


class VideoUploaded(Model):
    """The bytes have arrived in the bucket."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["video.uploaded"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    upload_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    creator_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    raw_key: Annotated[str, Field(max_length=256)]
    bytes: Annotated[int, Field(ge=0, le=9223372036854775807)]
    etag: Annotated[str, Field(max_length=128)] | None = None


class VideoValidated(Model):
    """The upload is a video that decodes and is within the limits. The first terminal one of validated and rejected wins."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["video.validated"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    upload_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    creator_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    original_key: Annotated[str, Field(max_length=256)]
    sha256: Annotated[str, Field(max_length=64)]
    bytes: Annotated[int, Field(ge=0, le=9223372036854775807)]
    width: Annotated[int, Field(ge=1, le=2147483647)]
    height: Annotated[int, Field(ge=1, le=2147483647)]
    duration_ms: Annotated[int, Field(ge=1, le=2147483647)]
    fps: float
    video_codec: Annotated[str, Field(max_length=32)]
    audio_codec: Annotated[str, Field(max_length=32)] | None = None
    rotation: Annotated[int, Field(ge=-2147483648, le=2147483647)] = 0


class ViewEnded(Model):
    """A view ended, with its totals; its row stands alone. The greatest seq wins."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["view.ended"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    view_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    creator_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    sound_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    hashtags: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=30)] = ()
    duration_ms: Annotated[int, Field(ge=0, le=2147483647)] | None = None
    started_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    watch_ms: Annotated[int, Field(ge=0, le=86400000)]
    content_ms: Annotated[int, Field(ge=0, le=86400000)]
    max_pos_ms: Annotated[int, Field(ge=0, le=86400000)]
    loops: Annotated[int, Field(ge=0, le=32767)] = 0
    seg_mask: Annotated[int, Field(ge=0, le=1048575)] = 0
    stall_ms: Annotated[int, Field(ge=0, le=86400000)] = 0
    startup_ms: Annotated[int, Field(ge=0, le=600000)] | None = None
    rung: Annotated[int, Field(ge=0, le=2147483647)] | None = None
    exit: Literal["unknown", "completed", "swiped", "skipped", "closed", "backgrounded", "error", "timeout"] = "unknown"
    seq: Annotated[int, Field(ge=0, le=2147483647)]


class ViewHeartbeat(Model):
    """Every 5 s of playback, cumulative totals; losing some is harmless."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["view.heartbeat"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    view_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    creator_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    started_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    watch_ms: Annotated[int, Field(ge=0, le=86400000)]
    content_ms: Annotated[int, Field(ge=0, le=86400000)]
    max_pos_ms: Annotated[int, Field(ge=0, le=86400000)]
    loops: Annotated[int, Field(ge=0, le=32767)] = 0
    seg_mask: Annotated[int, Field(ge=0, le=1048575)] = 0
    stall_ms: Annotated[int, Field(ge=0, le=86400000)] = 0
    seq: Annotated[int, Field(ge=0, le=2147483647)]


class ViewStarted(Model):
    """A video began to play. By view_id."""

    event_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    event_type: Literal["view.started"]
    source: Annotated[str, Field(max_length=64)]
    occurred_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    received_at: Annotated[int, Field(ge=-9223372036854775808, le=9223372036854775807)]
    actor_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    device_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    session_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    request_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    surface: Literal["unknown", "fyp", "following", "trending", "profile", "hashtag", "sound", "search", "share_link", "notification"] = "unknown"
    position: Annotated[int, Field(ge=0, le=10000)] | None = None
    platform: Annotated[str, Field(max_length=16)] | None = None
    app_version: Annotated[str, Field(max_length=32)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    tz_offset_min: Annotated[int, Field(ge=-840, le=840)] | None = None
    network: Annotated[str, Field(max_length=16)] | None = None
    experiments: Annotated[Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)], Field(max_length=16)] = ()
    causation_id: Annotated[str, Field(max_length=36)] | None = None
    src: Annotated[str, Field(max_length=160)] | None = None
    pii: str | None = None
    pii_key_id: Annotated[str, Field(max_length=96)] | None = None
    view_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    video_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
    creator_id: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")] | None = None
    duration_ms: Annotated[int, Field(ge=0, le=2147483647)] | None = None
    autoplay: bool = True
    muted: bool = False
    startup_ms: Annotated[int, Field(ge=0, le=600000)] | None = None
    rung: Annotated[int, Field(ge=0, le=2147483647)] | None = None


class CommentCreatedSealed(Model):
    """The plaintext that comment.created seals into its pii field."""

    text: Annotated[str, Field(min_length=1, max_length=2000)]


class UserRegisteredSealed(Model):
    """The plaintext that user.registered seals into its pii field."""

    email: Annotated[str, Field(max_length=254)] | None = None
    birth_year: Annotated[int, Field(ge=1900, le=2100)] | None = None


EVENTS: dict[str, type[Model]] = {
    "backup.archived": BackupArchived,
    "comment.created": CommentCreated,
    "comment.deleted": CommentDeleted,
    "deadletters.discarded": DeadLettersDiscarded,
    "deadletters.redriven": DeadLettersRedriven,
    "feed.impression": FeedImpression,
    "feed.served": FeedServed,
    "generation.dropped": GenerationDropped,
    "generation.promoted": GenerationPromoted,
    "parity.checked": ParityChecked,
    "playlist.created": PlaylistCreated,
    "rendition.created": RenditionCreated,
    "replay.finished": ReplayFinished,
    "replay.started": ReplayStarted,
    "thumbnail.created": ThumbnailCreated,
    "transcode.completed": TranscodeCompleted,
    "transcode.failed": TranscodeFailed,
    "transcode.requested": TranscodeRequested,
    "user.followed": UserFollowed,
    "user.profile_updated": UserProfileUpdated,
    "user.registered": UserRegistered,
    "user.unfollowed": UserUnfollowed,
    "video.deleted": VideoDeleted,
    "video.described": VideoDescribed,
    "video.liked": VideoLiked,
    "video.published": VideoPublished,
    "video.rejected": VideoRejected,
    "video.shared": VideoShared,
    "video.unliked": VideoUnliked,
    "video.upload_started": VideoUploadStarted,
    "video.uploaded": VideoUploaded,
    "video.validated": VideoValidated,
    "view.ended": ViewEnded,
    "view.heartbeat": ViewHeartbeat,
    "view.started": ViewStarted,
}
"""The model of every event type."""

SEALED: dict[str, type[Model]] = {
    "comment.created": CommentCreatedSealed,
    "user.registered": UserRegisteredSealed,
}
"""The plaintext model of every event type that has sealed fields."""
