"""Analytics in ClickHouse: rows first, then the offsets that they came from.

An insert is atomic for one table and month only, so a crash may leave rows behind that
`offsets_loaded` does not tell of. They are inserted again, and the tables absorb them.
"""

import io
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import orjson
import polars as pl

from projections.analytics import queries
from projections.analytics.asking import ask, writing
from projections.analytics.queries import Query, Tables
from projections.analytics.rollups import Rollups
from projections.analytics.rows import Insert, inserts
from projections.analytics.runs import Run, chain
from projections.position import PositionConflict
from schemas.batch import RecordBatch, Records, Span, TopicBatch
from schemas.topics import TOPICS

_SYNCHRONOUS = {"async_insert": 0, "wait_end_of_query": 1}
_INSERTED = _SYNCHRONOUS | {"optimize_on_insert": 0}
"""Repetitions are absorbed by merges and by FINAL; looking for them in each insert costs a third of it."""
_FEW = ("event_type", "source", "surface", "country", "platform", "exit_reason", "edge", "k_topic")
"""LowCardinality columns: sent as dictionaries they need not be hashed row by row, half of an insert."""


@dataclass(slots=True)
class _Progress:
    """A run of this process: what it has loaded of a partition."""

    first: int
    next: int
    clock: int
    rows: dict[str, int]


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
        self._runs: dict[tuple[str, int], _Progress] = {}
        self._inserted = inserted
        self._beside = ThreadPoolExecutor(1, "rows")
        """Makes a batch's blocks while the engine is asked where it stands."""
        self.rollups = Rollups(self._ask, self._tables, rollup_every_s)

    def position(self, topic: str, partition: int) -> int | None:
        """The end of the first unbroken chain of runs, or None. May raise StoreUnavailable."""
        found = self._chains(topic, [partition]).get(partition)
        return found.next if found else None

    def stream_clock(self, topic: str, partition: int) -> int:
        """The greatest appended_at loaded of this partition; 0 when none."""
        found = self._chains(topic, [partition]).get(partition)
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
        self._load(batch, [expected])

    def apply_together(self, batch: TopicBatch, expected: Sequence[int | None]) -> None:
        """See FoldsTogether. One insert for each table, one question and one answer about the offsets."""
        self._load(batch, expected)

    def _load(self, batch: Records, expected: Sequence[int | None]) -> None:
        made = self._beside.submit(_blocks, batch)
        self._check(batch, expected)
        runs = {
            span.partition: self._progress(batch.topic, span, before)
            for span, before in zip(batch.spans, expected, strict=True)
        }
        for one, block in made.result():
            self._insert(one, block)
            for partition, rows in one.frame["k_partition"].value_counts().rows():
                runs[partition].rows[one.table] = runs[partition].rows.get(one.table, 0) + rows
            if one.table == "video_views":
                self.rollups.touch(one.frame)
        self._inserted()
        for span in batch.spans:
            run = runs[span.partition]
            run.next, run.clock = span.next, max(run.clock, span.clock)
        self._say(batch.topic, runs)
        self._runs |= {(batch.topic, partition): run for partition, run in runs.items()}

    def _check(self, batch: Records, expected: Sequence[int | None]) -> None:
        found = self._chains(batch.topic, [span.partition for span in batch.spans])
        for span, before in zip(batch.spans, expected, strict=True):
            whole = found.get(span.partition)
            stored = whole.next if whole else None
            if stored != before:
                raise PositionConflict(before, stored)

    def close(self) -> None:
        """Compute the rollups that are due, and stop."""
        self._beside.shutdown()
        self.rollups.close()

    def _progress(self, topic: str, span: Span, expected: int | None) -> _Progress:
        run = self._runs.pop((topic, span.partition), None)
        if run is not None and run.next == expected:
            return run
        return _Progress(span.start if expected is None else expected, span.next, 0, {})

    def _insert(self, rows: Insert, block: bytes) -> None:
        with writing():
            self._client.raw_insert(
                self._tables.named(rows.table), rows.frame.columns, block, _INSERTED, "ArrowStream"
            )

    def _say(self, topic: str, runs: Mapping[int, _Progress]) -> None:
        rows = [{"topic": topic, "partition": partition, **asdict(run)} for partition, run in runs.items()]
        lines = b"\n".join(map(orjson.dumps, rows))
        with writing():  # not `insert`, which loads pandas to see whether this is one of its frames
            self._client.raw_insert(
                self._tables.named("offsets_loaded"), [*rows[0]], lines, _SYNCHRONOUS, "JSONEachRow"
            )

    def _chains(self, topic: str, partitions: Sequence[int]) -> dict[int, Run]:
        """Of each of these partitions the first unbroken chain of runs, where there is one."""
        found: dict[int, list[Run]] = defaultdict(list)
        for partition, *run in self._ask(queries.runs(self._tables, topic, partitions)):
            found[partition].append(Run(*run))
        return {partition: whole for partition, runs in found.items() if (whole := chain(runs))}

    def _ask(self, query: Query) -> list[tuple[Any, ...]]:
        with writing():
            return ask(self._client, query)


def _blocks(batch: Records) -> list[tuple[Insert, bytes]]:
    """What is to be inserted, each with its rows as an Arrow stream."""
    found = []
    for one in inserts(batch):
        block = io.BytesIO()
        one.frame.with_columns(_dictionaries(one.frame)).write_ipc_stream(
            block, compression="lz4", compat_level=pl.CompatLevel.oldest()
        )
        found.append((one, block.getvalue()))
    return found


def _dictionaries(frame: pl.DataFrame) -> list[pl.Series]:
    """The columns of few values as such; their values are the frame's own, none are kept in the process."""
    few = (frame[name] for name in _FEW if name in frame.columns)
    return [column.cast(pl.Enum(column.unique())) for column in few]
