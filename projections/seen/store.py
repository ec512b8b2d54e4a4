"""What has been seen: by whom, and when last."""

from typing import Protocol


class SeenReads(Protocol):
    """One generation's watch history, read without blocking."""

    async def seen(self, user_id: str, video_ids: list[str]) -> list[bool]:
        """Whether each video was shown to the user (a view or an impression) among the last 5,000 of
        either."""
        ...

    async def history(
        self, user_id: str, before: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        """(watched_at, video_id) of the user's views, newest first, after a keyset."""
        ...
