"""The memory twin: analytics in dicts, each table keyed and versioned as its engine would."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from projections.analytics.rows import TABLES, tables
from projections.analytics.store import EventPosition, VideoCounts
from projections.memory_ledger import MemoryFold, MemoryLedger
from schemas.batch import RecordBatch
from schemas.topics import TOPICS

Row = Mapping[str, Any]
_HOUR = "%Y%m%d%H"
_DAY = "%Y%m%d"

_KEYS: Mapping[str, Callable[[Row], tuple[Any, ...]]] = {
    "events": lambda r: (
        r["event_type"],
        r["occurred_at"].strftime(_HOUR),
        r["video_id"],
        r["event_id"].lower(),
    ),
    "video_views": lambda r: (r["video_id"], r["started_at"].strftime(_DAY), r["view_id"]),
    "edges": lambda r: (r["edge"], r["dst"], r["src"]),
    "impressions": lambda r: (r["video_id"], r["request_id"], r["viewer_id"]),
}
_VERSIONS: Mapping[str, Callable[[Row], Any]] = {
    "events": lambda r: r["k_offset"],
    "video_views": lambda r: r["ver"],
    "edges": lambda r: (r["at"], r["event_id"].lower()),
    "impressions": lambda r: r["visible_ms"],
}


@dataclass(slots=True)
class AnalyticsState:
    """All tables and positions; shared by the twin's writers and readers."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    tables: dict[str, dict[tuple[Any, ...], Row]] = field(
        default_factory=lambda: {name: {} for name in TABLES}
    )

    def rows(self, table: str) -> Iterable[Row]:
        """A table's rows, deduplicated."""
        return self.tables[table].values()


class MemoryAnalytics(MemoryFold):
    """FoldStore and AnalyticsReads over one state."""

    name = "analytics"
    topics = tuple(topic.name for topic in TOPICS if topic.lane)

    def __init__(self, state: AnalyticsState | None = None) -> None:
        self.state = state or AnalyticsState()
        super().__init__(self.state.ledger)

    def change(self, batch: RecordBatch) -> None:
        for table, frame in tables(batch).items():
            held = self.state.tables[table]
            version = _VERSIONS[table]
            for row in frame.to_dicts():
                key = _KEYS[table](row)
                if key not in held or version(row) >= version(held[key]):
                    held[key] = row

    async def counts(self, video_ids: list[str]) -> list[VideoCounts]:
        """See AnalyticsReads."""
        with self.ledger.lock:
            return [self._counts(video_id) for video_id in video_ids]

    async def event_count(self) -> int:
        """See AnalyticsReads."""
        return len(self.state.tables["events"])

    async def event_position(self, event_id: str) -> EventPosition | None:
        """See AnalyticsReads."""
        with self.ledger.lock:
            found = [row for row in self.state.rows("events") if row["event_id"].lower() == event_id.lower()]
        last = max(found, key=lambda row: int(row["k_offset"]), default=None)
        return EventPosition(last["k_topic"], last["k_partition"], last["k_offset"]) if last else None

    def _counts(self, video_id: str) -> VideoCounts:
        events = [row for row in self.state.rows("events") if row["video_id"] == video_id]
        edges = list(self.state.rows("edges"))
        gone = {(row["src"], row["dst"]) for row in edges if row["edge"] == "comment_deleted"}
        said = {(r["actor_id"], r["target_id"]) for r in events if r["event_type"] == "comment.created"}
        begun = {r["target_id"] for r in events if r["event_type"] == "view.started"}
        return VideoCounts(
            views=len(begun),
            likes=sum(row["edge"] == "like" and row["dst"] == video_id and row["on"] for row in edges),
            comments=len(said - gone),
            shares=sum(row["event_type"] == "video.shared" for row in events),
        )
