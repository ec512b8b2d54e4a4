"""What was seen, in memory: the same contract as Redis."""

from dataclasses import dataclass, field
from typing import Any

from projections.keyset import Keyset, page
from projections.memory_ledger import MemoryFold, MemoryLedger
from projections.seen.fold import CAP, EVENTS, NAME, TOPICS, LastTimes, by_user, displayed, watched
from schemas.batch import RecordBatch


@dataclass(slots=True)
class SeenState:
    """What workers and readers share, as they would share a Redis."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    watched: LastTimes = field(default_factory=dict)
    displayed: LastTimes = field(default_factory=dict)


class MemorySeen(MemoryFold):
    """FoldStore and SeenReads over a SeenState."""

    name = NAME
    topics = TOPICS
    events = EVENTS

    def __init__(self, state: SeenState | None = None, cap: int = CAP) -> None:
        self.state = state or SeenState()
        super().__init__(self.state.ledger)
        self._cap = cap

    def change(self, batch: RecordBatch) -> None:
        self._keep(self.state.watched, by_user(watched(batch)))
        self._keep(self.state.displayed, by_user(displayed(batch)))

    async def seen(self, user_id: str, video_ids: list[str]) -> list[bool]:
        seen = self.state.watched.get(user_id, {}).keys() | self.state.displayed.get(user_id, {}).keys()
        return [video in seen for video in video_ids]

    async def history(self, user_id: str, before: Keyset | None, limit: int) -> list[Keyset]:
        watched = self.state.watched.get(user_id, {})
        return page([(at, video) for video, at in watched.items()], before, limit)

    def snapshot(self) -> dict[str, Any]:
        """All content in canonical form, equal to that of the Redis fold over the same facts."""
        with self.ledger.lock:
            return {
                f"{kind}:{user}": sorted((at, video) for video, at in times.items())
                for kind, held in (("watched", self.state.watched), ("displayed", self.state.displayed))
                for user, times in held.items()
            }

    def _keep(self, held: LastTimes, said: LastTimes) -> None:
        for user, times in said.items():
            before = held.get(user, {})
            merged = before | {video: max(at, before.get(video, at)) for video, at in times.items()}
            newest = page([(at, video) for video, at in merged.items()], None, self._cap)
            held[user] = {video: at for at, video in newest}
