"""Trends in memory: the same contract as Redis."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from projections.memory_ledger import MemoryFold, MemoryLedger
from projections.recent import RecentRecords, Remembering
from projections.trending.fold import (
    NAME,
    TOP,
    TOPICS,
    WINDOWS,
    Buckets,
    added,
    countable,
    decay,
    outdated,
)
from projections.trending.store import Ranked, Window
from schemas.batch import RecordBatch


@dataclass(slots=True)
class TrendingState:
    """What workers and readers share, as they would share a Redis."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    buckets: Buckets = field(default_factory=dict)
    ranks: dict[Window, list[Ranked]] = field(default_factory=dict)


class MemoryTrending(Remembering, MemoryFold):
    """FoldStore and TrendingReads over a TrendingState."""

    name = NAME
    topics = TOPICS

    def __init__(self, state: TrendingState | None = None, recent_window_ms: int = 3_600_000) -> None:
        self.state = state or TrendingState()
        super().__init__(self.state.ledger)
        self.remembers(RecentRecords(recent_window_ms, countable))

    def change(self, batch: RecordBatch) -> None:
        for bucket, weights in added(self.recent.fresh(batch)).items():
            self.state.buckets.setdefault(bucket, Counter()).update(weights)

    def clock(self) -> int:
        """The stream clock of all partitions: the greatest, epoch ms; 0 when nothing was folded."""
        return max(self.ledger.clocks.values(), default=0)

    def rank(self, now_clock: int) -> None:
        """Rank every window at this stream clock and drop what is outdated. Idempotent."""
        with self.ledger.lock:
            for window in WINDOWS:
                self.state.ranks[window] = self._ranked(window, now_clock)
            for bucket in [one for one in self.state.buckets if outdated(one, now_clock)]:
                del self.state.buckets[bucket]

    async def top(self, window: Window, before: Ranked | None, limit: int) -> list[Ranked]:
        ranked = self.state.ranks.get(window, [])
        return [item for item in ranked if before is None or item < before][:limit]

    def snapshot(self) -> dict[str, Any]:
        """The buckets in canonical form, equal to that of the Redis fold over the same facts."""
        with self.ledger.lock:
            clock = self.clock()
            return {
                f"trend:{name}:{number}": dict(weights)
                for (name, number), weights in self.state.buckets.items()
                if not outdated((name, number), clock)
            }

    def _ranked(self, window: Window, clock: int) -> list[Ranked]:
        scores: dict[str, float] = {}
        for bucket, worth in decay(window, clock).items():
            for video, weight in self.state.buckets.get(bucket, {}).items():
                scores[video] = scores.get(video, 0.0) + weight * worth
        return sorted(((score, video) for video, score in scores.items()), reverse=True)[:TOP]
