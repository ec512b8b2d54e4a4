"""What the following feed answers: the newest videos of the accounts someone follows."""

from typing import Protocol


class FeedReads(Protocol):
    """One generation's following feeds, read without blocking."""

    async def following(
        self, user_id: str, before: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        """(published_at, video_id), newest first, after a keyset.

        A function of the facts: the newest 400 of the union of the followed accounts' timelines,
        ordered by (published_at, video_id), whether they were pushed or are pulled.
        """
        ...
