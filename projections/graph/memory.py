"""The graph in memory: the same contract as Redis."""

from dataclasses import dataclass, field
from typing import Any

from projections.graph.fold import TOPICS, Edge, Ends, changed, edges
from projections.graph.store import GraphCounts
from projections.keyset import page
from projections.memory_ledger import MemoryFold, MemoryLedger
from schemas.batch import RecordBatch


@dataclass(slots=True)
class GraphState:
    """What workers and readers share, as they would share a Redis."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    edges: dict[Ends, Edge] = field(default_factory=dict)


class MemoryGraph(MemoryFold):
    """FoldStore and GraphReads over a GraphState."""

    name = "graph"
    topics = TOPICS

    def __init__(self, state: GraphState | None = None) -> None:
        self.state = state or GraphState()
        super().__init__(self.state.ledger)

    def change(self, batch: RecordBatch) -> None:
        self.state.edges |= changed(self.state.edges, edges(batch))

    async def counts(self, user_ids: list[str]) -> list[GraphCounts]:
        return [GraphCounts(len(self._followers(one)), len(self._following(one))) for one in user_ids]

    async def follows(self, actor_id: str, target_ids: list[str]) -> list[bool]:
        following = {target for _, target in self._following(actor_id)}
        return [target in following for target in target_ids]

    async def followers(
        self, user_id: str, before: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        return page(self._followers(user_id), before, limit)

    async def following(
        self, user_id: str, before: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        return page(self._following(user_id), before, limit)

    def snapshot(self) -> dict[str, Any]:
        """All content in canonical form, equal to that of the Redis fold over the same facts."""
        found: dict[str, Any] = {}
        with self.ledger.lock:
            for (actor, target), edge in sorted(self.state.edges.items()):
                tombstone = [edge.since, edge.event_id, edge.on]
                found.setdefault(f"follow:{actor}", {})[target] = tombstone
                if edge.on:
                    found.setdefault(f"following:{actor}", []).append((edge.since, target))
                    found.setdefault(f"followers:{target}", []).append((edge.since, actor))
        return {name: sorted(one) if isinstance(one, list) else one for name, one in found.items()}

    def _followers(self, user_id: str) -> list[tuple[int, str]]:
        held = self.state.edges.items()
        return [(edge.since, actor) for (actor, target), edge in held if target == user_id and edge.on]

    def _following(self, user_id: str) -> list[tuple[int, str]]:
        held = self.state.edges.items()
        return [(edge.since, target) for (actor, target), edge in held if actor == user_id and edge.on]
