"""Engagement in memory: the same contract as Redis."""

from collections import Counter
from dataclasses import asdict, astuple, dataclass, field
from typing import Any

import polars as pl

from projections.engagement.fold import (
    NAME,
    TOPICS,
    Comments,
    Kind,
    Like,
    Pair,
    changes,
    countable,
    remarked,
    toggles,
    turned,
)
from projections.engagement.store import Comment, Counts
from projections.keyset import Keyset
from projections.memory_ledger import MemoryFold, MemoryLedger
from projections.recent import RecentRecords, Remembering
from schemas.batch import RecordBatch


@dataclass(slots=True)
class EngagementState:
    """What workers and readers share, as they would share a Redis."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    counts: Counter[tuple[str, Kind]] = field(default_factory=Counter)
    likes: dict[Pair, str] = field(default_factory=dict)
    comments: Comments = field(default_factory=dict)


class MemoryEngagement(Remembering, MemoryFold):
    """FoldStore and EngagementReads over an EngagementState."""

    name = NAME
    topics = TOPICS

    def __init__(self, state: EngagementState | None = None, recent_window_ms: int = 3_600_000) -> None:
        self.state = state or EngagementState()
        super().__init__(self.state.ledger)
        self.remembers(RecentRecords(recent_window_ms, countable))

    def change(self, batch: RecordBatch) -> None:
        state = self.state
        said = toggles(batch)
        pairs = said.select("actor_id", "video_id").rows()
        likes = turned(said, pl.Series([state.likes.get(pair) for pair in pairs], dtype=pl.String))
        stored = {pair: state.comments[pair] for pair in remarked(batch).rows() if pair in state.comments}
        made = changes(batch, self.recent.fresh(batch), likes, stored)
        state.likes |= {(actor, video): text for actor, video, text, _ in likes.rows()}
        state.comments |= made.comments
        state.counts.update(made.counts)

    async def counts(self, video_ids: list[str]) -> list[Counts]:
        counts = self.state.counts
        return [Counts(**{kind: counts[video, kind] for kind in asdict(Counts())}) for video in video_ids]

    async def liked(self, actor_id: str, video_ids: list[str]) -> list[bool]:
        found = (self.state.likes.get((actor_id, video)) for video in video_ids)
        return [text is not None and Like.of(text).on for text in found]

    async def comments(self, video_id: str, before: Keyset | None, limit: int) -> list[Comment]:
        with self.ledger.lock:
            standing = [
                Comment(
                    comment,
                    video_id,
                    actor,
                    said.at,
                    said.parent_id,
                    said.event_id,
                    said.pii,
                    said.pii_key_id,
                )
                for (actor, comment), said in self.state.comments.items()
                if said is not None and said.video_id == video_id
            ]
        standing.sort(key=lambda one: (one.occurred_at, one.comment_id, one.actor_id), reverse=True)
        return [one for one in standing if before is None or (one.occurred_at, one.comment_id) < before][
            :limit
        ]

    def snapshot(self) -> dict[str, Any]:
        """All content in canonical form, equal to that of the Redis fold over the same facts."""
        found: dict[str, Any] = {}
        with self.ledger.lock:
            for (video, kind), number in self.state.counts.items():
                if number:
                    found.setdefault(f"count:{video}", {})[kind] = number
            for (actor, video), text in self.state.likes.items():
                found.setdefault(f"likes:{actor}", {})[video] = list(Like.of(text))
            for (actor, comment), said in self.state.comments.items():
                found.setdefault(f"said:{actor}", {})[comment] = said and list(astuple(said))
                if said is not None:
                    found.setdefault(f"comments:{said.video_id}", []).append((said.at, f"{comment} {actor}"))
        return {name: sorted(one) if isinstance(one, list) else one for name, one in found.items()}
