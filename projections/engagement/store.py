"""What engagement answers: how many, by whom, and what was said."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Counts:
    """A video's counts."""

    views: int = 0
    likes: int = 0
    comments: int = 0
    shares: int = 0


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment, its text still sealed."""

    comment_id: str
    video_id: str
    actor_id: str
    occurred_at: int
    parent_id: str | None
    event_id: str
    pii: str | None
    pii_key_id: str | None


class EngagementReads(Protocol):
    """One generation's engagement, read without blocking."""

    async def counts(self, video_ids: list[str]) -> list[Counts]:
        """Counts in the order asked; zeros for an unknown video."""
        ...

    async def liked(self, actor_id: str, video_ids: list[str]) -> list[bool]:
        """Whether the actor likes each video now."""
        ...

    async def comments(self, video_id: str, before: tuple[int, str] | None, limit: int) -> list[Comment]:
        """Newest comments first, after the keyset (occurred_at, comment_id)."""
        ...
