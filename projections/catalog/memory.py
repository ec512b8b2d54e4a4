"""The catalog in memory: the same contract as Redis, kept as simple as it can be said."""

from dataclasses import dataclass, field
from typing import Any

from projections.catalog.fold import TOPICS, Entity, Fact, changed, gathered, places
from projections.catalog.store import User, Video
from projections.catalog.views import user_view, video_view
from projections.keyset import page
from projections.memory_ledger import MemoryFold, MemoryLedger
from schemas.batch import RecordBatch


@dataclass(slots=True)
class CatalogState:
    """What workers and readers share, as they would share a Redis."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    entities: dict[Entity, dict[str, Fact]] = field(default_factory=dict)


class MemoryCatalog(MemoryFold):
    """FoldStore and CatalogReads over a CatalogState."""

    name = "catalog"
    topics = TOPICS

    def __init__(self, state: CatalogState | None = None) -> None:
        self.state = state or CatalogState()
        super().__init__(self.state.ledger)

    def change(self, batch: RecordBatch) -> None:
        for entity, said in gathered(batch).items():
            facts = self.state.entities.setdefault(entity, {})
            facts.update(changed(facts, said))

    async def users(self, user_ids: list[str]) -> list[User | None]:
        return [user_view(one, self.state.entities.get(("user", one), {})) for one in user_ids]

    async def videos(self, video_ids: list[str]) -> list[Video | None]:
        return [video_view(one, self.state.entities.get(("video", one), {})) for one in video_ids]

    async def video_of_upload(self, upload_id: str) -> str | None:
        claims = self._places().get(f"upload:{upload_id}")
        return min(claims)[1] if claims else None

    async def videos_of(
        self, creator_id: str, before: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        return page(self._places().get(f"videos_of:{creator_id}", []), before, limit)

    def snapshot(self) -> dict[str, Any]:
        """All content in canonical form, equal to that of the Redis fold over the same facts."""
        with self.ledger.lock:
            facts: dict[str, Any] = {
                f"{kind}:{one}": {name: [*fact.version, fact.value] for name, fact in facts.items()}
                for (kind, one), facts in self.state.entities.items()
            }
            return facts | {name: sorted(items) for name, items in self._places().items()}

    def _places(self) -> dict[str, list[tuple[int, str]]]:
        found: dict[str, list[tuple[int, str]]] = {}
        for (kind, video_id), facts in self.state.entities.items():
            for listed, whose, at in places(facts) if kind == "video" else ():
                found.setdefault(f"{listed}:{whose}", []).append((at, video_id))
        return found
