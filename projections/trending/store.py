"""What rises: videos by decayed engagement within a window."""

from typing import Literal, Protocol

Window = Literal["1h", "24h", "7d"]
Ranked = tuple[float, str]
"""(score, video_id)"""


class TrendingReads(Protocol):
    """One generation's trends, read without blocking."""

    async def top(
        self, window: Window, before: tuple[float, str] | None, limit: int
    ) -> list[tuple[float, str]]:
        """(score, video_id), highest first, after a keyset; at most the first 1,000."""
        ...
