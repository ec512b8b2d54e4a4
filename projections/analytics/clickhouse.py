"""Analytics in ClickHouse: rows first, then the offsets that they came from.

An insert is atomic for one table and month only, so a crash may leave rows behind that
`offsets_loaded` does not tell of. They are inserted again, and the tables absorb them.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import orjson

from projections.analytics import queries
from projections.analytics.asking import ask, writing
from projections.analytics.blocks import Block, blocks
from projections.analytics.queries import Query, Tables
from projections.analytics.rollups import Rollups
from projections.analytics.runs import Run
from projections.analytics.runs import chain as unbroken
from projections.position import PositionConflict
from schemas.batch import RecordBatch, Records, Span, TopicBatch
from schemas.topics import TOPICS

_SYNCHRONOUS = {"async_insert": 0, "wait_end_of_query": 1}
_INSERTED = _SYNCHRONOUS | {"optimize_on_insert": 0}
"""Repetitions are absorbed by merges and by FINAL; looking for them in each insert costs a third of it."""
Place = tuple[str, int]
"""(topic, partition)"""


@dataclass(slots=True)
class _Progress:
    """A run of this process: what it has loaded of a partition."""

    first: int
    next: int
    clock: int
    rows: dict[str, int]

    def count(self, table: str, rows: int) -> None:
        """So many more of this table."""
        self.rows[table] = self.rows.get(table, 0) + rows


class ClickHouseAnalyticsFold:
    """The write side. ``client`` is clickhouse_connect's, made without a session id; ``inserted`` is called
    when a batch's rows are in and its offsets are not yet told: where a fault run breaks in."""

    name = "analytics"
    topics = tuple(topic.name for topic in TOPICS if topic.lane)
    history_ms = 0

    def __init__(
        self,
        client: Any,
        generation: int,
        database: str = "reelfold",
        rollup_every_s: float = 5.0,
        inserted: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._tables = Tables(database, generation)
        self._runs: dict[Place, _Progress] = {}
        self._inserted = inserted
        self._beside = ThreadPoolExecutor(1, "rows")
        """Makes a batch's blocks while the engine is asked where it stands."""
        self.rollups = Rollups(self._ask, self._tables, rollup_every_s)

    def position(self, topic: str, partition: int) -> int | None:
        """The end of the first unbroken chain of runs, or None. May raise StoreUnavailable."""
        found = self._chains([(topic, partition)]).get((topic, partition))
        return found.next if found else None

    def stream_clock(self, topic: str, partition: int) -> int:
        """The greatest appended_at loaded of this partition; 0 when none."""
        found = self._chains([(topic, partition)]).get((topic, partition))
        return found.clock if found else 0

    def forget(self, topic: str, partition: int) -> None:
        """Begin a new run: another worker may have loaded since."""
        self._runs.pop((topic, partition), None)

    def warm(self, batch: RecordBatch) -> None:
        """Nothing is remembered outside the tables."""

    def in_bulk(self) -> None:
        """Nobody reads these tables before `close`: the rollups are computed then, once."""
        self.rollups.at_the_end()

    def apply(self, batch: RecordBatch, expected: int | None) -> None:
        """Insert the batch, then say so. Raises PositionConflict, StoreUnavailable."""
        self._load([batch], [expected])

    def apply_together(self, batch: TopicBatch, expected: Sequence[int | None]) -> None:
        """See FoldsTogether. One insert for each table, one question and one answer about the offsets."""
        self._load([batch], expected)

    def apply_topics(self, batches: Sequence[TopicBatch], expected: Sequence[Sequence[int | None]]) -> None:
        """See FoldsTopics. As many inserts and questions as for a single batch."""
        self._load(batches, [*chain.from_iterable(expected)])

    def _load(self, batches: Sequence[Records], expected: Sequence[int | None]) -> None:
        made = self._beside.submit(blocks, batches)
        spans = {(batch.topic, span.partition): span for batch in batches for span in batch.spans}
        before = dict(zip(spans, expected, strict=True))
        self._check(before)
        runs = {place: self._progress(place, span, before[place]) for place, span in spans.items()}
        for block in made.result():
            self._insert(block)
            for place, rows in block.counts.items():
                runs[place].count(block.rows.table, rows)
            if block.rows.table == "video_views":
                self.rollups.touch(block.rows.frame)
        self._inserted()
        for place, run in runs.items():
            run.next, run.clock = spans[place].next, max(run.clock, spans[place].clock)
        self._say(runs)
        self._runs |= runs

    def _check(self, expected: Mapping[Place, int | None]) -> None:
        found = self._chains(expected)
        for place, before in expected.items():
            whole = found.get(place)
            stored = whole.next if whole else None
            if stored != before:
                raise PositionConflict(before, stored)

    def close(self) -> None:
        """Compute the rollups that are due, and stop."""
        self._beside.shutdown()
        self.rollups.close()

    def _progress(self, place: Place, span: Span, expected: int | None) -> _Progress:
        run = self._runs.pop(place, None)
        if run is not None and run.next == expected:
            return run
        return _Progress(span.start if expected is None else expected, span.next, 0, {})

    def _insert(self, block: Block) -> None:
        rows = block.rows
        with writing():
            self._client.raw_insert(
                self._tables.named(rows.table), rows.frame.columns, block.stream, _INSERTED, "ArrowStream"
            )

    def _say(self, runs: Mapping[Place, _Progress]) -> None:
        rows = [{"topic": topic, "partition": number, **asdict(run)} for (topic, number), run in runs.items()]
        lines = b"\n".join(map(orjson.dumps, rows))
        with writing():  # not `insert`, which loads pandas to see whether this is one of its frames
            self._client.raw_insert(
                self._tables.named("offsets_loaded"), [*rows[0]], lines, _SYNCHRONOUS, "JSONEachRow"
            )

    def _chains(self, places: Collection[Place]) -> dict[Place, Run]:
        """Of these partitions, and some others, the first unbroken chain of runs, where there is one."""
        topics, partitions = (sorted(set(these)) for these in zip(*places, strict=True))
        found: dict[Place, list[Run]] = defaultdict(list)
        for topic, partition, *run in self._ask(queries.runs_of_topics(self._tables, topics, partitions)):
            found[topic, partition].append(Run(*run))
        return {place: whole for place, runs in found.items() if (whole := unbroken(runs))}

    def _ask(self, query: Query) -> list[tuple[Any, ...]]:
        with writing():
            return ask(self._client, query)
