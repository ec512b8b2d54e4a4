"""The following feed in memory: the definition itself, computed at every read. The oracle of the others."""

from dataclasses import dataclass, field
from typing import Any

from projections.feed.fold import CAP, TOPICS, Delete, Follow, Publish, feed_page, orders
from projections.memory_ledger import MemoryFold, MemoryLedger
from schemas.batch import RecordBatch


@dataclass(slots=True)
class FeedState:
    """What workers and readers share, as they would share a Redis."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    follows: dict[tuple[str, str], Follow] = field(default_factory=dict)
    published: dict[str, Publish] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)


class MemoryFeed(MemoryFold):
    """FoldStore and FeedReads over a FeedState."""

    name = "feed"
    topics = TOPICS

    def __init__(self, state: FeedState | None = None, cap: int = CAP) -> None:
        self.state = state or FeedState()
        self.cap = cap
        super().__init__(self.state.ledger)

    def change(self, batch: RecordBatch) -> None:
        follows, published = self.state.follows, self.state.published
        for order in orders(batch):
            match order:
                case Follow(_, actor, target, version):
                    stored = follows.get((actor, target))
                    if stored is None or version > stored.version:
                        follows[actor, target] = order
                case Publish(_, video, _, _, version):
                    if video not in published or version < published[video].version:
                        published[video] = order
                case Delete(_, video):
                    self.state.deleted.add(video)

    async def following(
        self, user_id: str, before: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        return feed_page(self._union(user_id), before, limit, self.cap)

    def snapshot(self) -> dict[str, Any]:
        """Everyone's feed, equal to that of the Redis fold over the same facts."""
        with self.ledger.lock:
            users = {actor for actor, _ in self.state.follows}
            feeds = {one: feed_page(self._union(one), None, self.cap, self.cap) for one in users}
        return {one: feed for one, feed in feeds.items() if feed}

    def _union(self, user_id: str) -> list[tuple[int, str]]:
        held = self.state.follows.items()
        authors = {target for (actor, target), last in held if actor == user_id and last.kind == "follow"}
        return [
            (int(one.at), one.video)
            for one in self.state.published.values()
            if one.author in authors and one.video not in self.state.deleted
        ]
