"""Where a generation stands: every fold's position in every partition, from both stores at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import redis
from clickhouse_connect.driver.exceptions import DatabaseError

from infra.kafka.reading import topic_states
from infra.settings import Settings
from projections.analytics import queries
from projections.analytics.asking import ask
from projections.analytics.clickhouse import ClickHouseAnalyticsFold
from projections.analytics.queries import Tables
from projections.analytics.runs import Run, chain
from projections.redis_ledger import key, store_errors
from projections.topology import TOPICS_OF
from streams.folding.progress import Key

Place = tuple[str, str, int]
"""(fold, topic, partition)"""
Bounds = Mapping[Key, tuple[int, int]]
"""Partition -> its first offset and the one after its last."""
_UNKNOWN_TABLE = 60
_UNKNOWN_DATABASE = 81


@dataclass(frozen=True, slots=True)
class Standing:
    """The positions of one generation; a place that is not in them was never folded."""

    generation: int
    positions: Mapping[Place, int]

    @property
    def vector(self) -> dict[Key, int]:
        """By partition, the position of the fold that is furthest."""
        found: dict[Key, int] = {}
        for (_, topic, partition), position in self.positions.items():
            found[topic, partition] = max(position, found.get((topic, partition), 0))
        return found

    def behind(self, other: "Standing") -> int:
        """Records that the other one has folded and this one has not, over all folds and partitions."""
        return sum(
            max(0, position - self.positions.get(place, 0)) for place, position in other.positions.items()
        )

    def lag(self, log: Bounds) -> int:
        """Records that are in the log and not folded, over all folds and partitions."""
        return sum(max(0, log[place[1:]][1] - self.positions.get(place, 0)) for place in places(log))


def bounds(settings: Settings) -> Bounds:
    """First and next offset of every partition of the lane's topics. Raises KafkaException."""
    return {
        (state.topic.name, number): span
        for state in topic_states(settings)
        if state.topic.lane
        for number, span in enumerate(state.offsets)
    }


def places(partitions: Iterable[Key]) -> list[Place]:
    """Every (fold, topic, partition) of these partitions."""
    return [
        (fold, topic, number)
        for topic, number in sorted(partitions)
        for fold, topics in TOPICS_OF.items()
        if topic in topics
    ]


def standing(
    settings: Settings, generation: int, partitions: Iterable[Key], client: redis.Redis, clickhouse: Any
) -> Standing:
    """Where this generation stands now. Raises StoreUnavailable."""
    wanted = [place for place in places(partitions) if place[0] != ClickHouseAnalyticsFold.name]
    with store_errors():
        stored = client.mget([key(generation, "position", *place) for place in wanted]) if wanted else []
    found = {place: int(text) for place, text in zip(wanted, stored, strict=True) if text is not None}
    return Standing(generation, found | _loaded(settings, generation, clickhouse))


def _loaded(settings: Settings, generation: int, clickhouse: Any) -> dict[Place, int]:
    """ClickHouse's positions; none where the generation has no tables."""
    tables = Tables(settings.clickhouse_database, generation)
    try:
        rows = ask(clickhouse, queries.every_run(tables))
    except DatabaseError as error:
        if error.code in (_UNKNOWN_TABLE, _UNKNOWN_DATABASE):
            return {}
        raise
    runs: dict[Key, list[Run]] = defaultdict(list)
    for topic, partition, *run in rows:
        runs[str(topic), int(partition)].append(Run(*run))
    name = ClickHouseAnalyticsFold.name
    chained = ((place, chain(those)) for place, those in runs.items())
    return {(name, *place): found.next for place, found in chained if found is not None}
