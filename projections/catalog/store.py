"""What the catalog answers: accounts, videos, uploads."""

from dataclasses import dataclass
from typing import Literal, Protocol

VideoState = Literal["uploading", "processing", "ready", "published", "rejected", "failed", "deleted"]


@dataclass(frozen=True, slots=True)
class User:
    """An account's public face."""

    user_id: str
    username: str
    display_name: str | None
    bio: str | None
    avatar_key: str | None
    registered_at: int


@dataclass(frozen=True, slots=True)
class Rendition:
    """A rung that can be played."""

    kind: str
    rung: int
    width: int
    height: int
    codecs: str
    bandwidth: int
    key: str
    bytes: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A still picture."""

    at_ms: int
    key: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Video:
    """A video as far as the facts tell; times are epoch ms.

    ``reject_code`` says why it was rejected, or why its transcode failed for good.
    """

    video_id: str
    creator_id: str
    upload_id: str
    state: VideoState
    title: str
    caption: str
    hashtags: tuple[str, ...]
    mentions: tuple[str, ...]
    sound_id: str | None
    visibility: str
    duration_ms: int | None
    width: int | None
    height: int | None
    created_at: int
    published_at: int | None
    publish: str
    reject_code: str | None
    reject_detail: str | None
    master_key: str | None
    renditions: tuple[Rendition, ...]
    thumbnails: tuple[Thumbnail, ...]


class CatalogReads(Protocol):
    """One generation's catalog, read without blocking."""

    async def users(self, user_ids: list[str]) -> list[User | None]:
        """Accounts in the order asked, None where unknown."""
        ...

    async def videos(self, video_ids: list[str]) -> list[Video | None]:
        """Videos in the order asked, None where unknown. Deleted ones are told, state deleted."""
        ...

    async def video_of_upload(self, upload_id: str) -> str | None:
        """The video that an upload brings in, or None."""
        ...

    async def videos_of(
        self, creator_id: str, before: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        """(published_at, video_id) of an account's published videos, newest first, after a keyset."""
        ...
