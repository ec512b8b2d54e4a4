"""Records as what is sent to the engine: one Arrow stream for each table and month."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from projections.analytics.rows import Insert, inserts
from schemas.batch import Records

_FEW = ("event_type", "source", "surface", "country", "platform", "exit_reason", "edge", "k_topic")
"""LowCardinality columns: sent as dictionaries they need not be hashed row by row, half of an insert."""


@dataclass(frozen=True)
class Block:
    """Rows of one table and month, and the same as a stream."""

    rows: Insert
    stream: bytes

    @cached_property
    def counts(self) -> dict[tuple[str, int], int]:
        """How many rows each (topic, partition) has."""
        found = self.rows.frame.group_by("k_topic", "k_partition").len()
        return {(topic, partition): rows for topic, partition, rows in found.rows()}


def blocks(batches: Sequence[Records]) -> list[Block]:
    """What is to be inserted of these batches."""
    return [Block(one, _stream(one.frame)) for one in inserts(*batches)]


def _stream(frame: pl.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.with_columns_seq(_dictionaries(frame)).write_ipc_stream(
        stream, compression="lz4", compat_level=pl.CompatLevel.oldest()
    )
    return stream.getvalue()


def _dictionaries(frame: pl.DataFrame) -> list[pl.Series]:
    """The columns of few values as such; their values are the frame's own, none are kept in the process."""
    few = (frame[name] for name in _FEW if name in frame.columns)
    return [column.cast(pl.Enum(column.unique())) for column in few]
