"""What analytics answers: what happened, counted, and where in the log it stands."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class VideoCounts:
    """A video's counts, each thing once: views begun by view_id, likes that hold now, comments that
    their authors have not deleted, shares by event."""

    views: int = 0
    likes: int = 0
    comments: int = 0
    shares: int = 0


@dataclass(frozen=True, slots=True)
class EventPosition:
    """Where an event stands in the log; of a client's retries, the last."""

    topic: str
    partition: int
    offset: int


class AnalyticsReads(Protocol):
    """One generation's analytics, read without blocking. May raise StoreUnavailable."""

    async def counts(self, video_ids: list[str]) -> list[VideoCounts]:
        """Counts in the order asked; zeros for an unknown video."""
        ...

    async def event_count(self) -> int:
        """How many events there are, each once."""
        ...

    async def event_position(self, event_id: str) -> EventPosition | None:
        """Where this event (a UUID) stands, or None when it has not been loaded."""
        ...
