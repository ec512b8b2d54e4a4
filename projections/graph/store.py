"""What the graph answers: who follows whom."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class GraphCounts:
    """How many follow an account, and how many it follows."""

    followers: int = 0
    following: int = 0


class GraphReads(Protocol):
    """One generation's graph, read without blocking. Edges come as (since epoch ms, user_id)."""

    async def counts(self, user_ids: list[str]) -> list[GraphCounts]:
        """Counts in the order asked."""
        ...

    async def follows(self, actor_id: str, target_ids: list[str]) -> list[bool]:
        """Whether the actor follows each target now."""
        ...

    async def followers(
        self, user_id: str, before: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        """Newest followers first, after a keyset."""
        ...

    async def following(
        self, user_id: str, before: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        """Newest followed accounts first, after a keyset."""
        ...
