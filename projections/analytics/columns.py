"""Column expressions that the tables share: pure."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from schemas.batch import OFFSET, PARTITION

LATEST_MS = 4_291_747_199_999
"""The last millisecond of 2105: the engine's hours end in 2106."""
DAY_MS = 86_400_000
EARLY_MS = 5 * 60_000
INSTANT = pl.Datetime("ms", "UTC")


def instant(column: pl.Expr) -> pl.Expr:
    """Epoch ms as a time that the engine can hold: 1970 to 2105."""
    return column.clip(0, LATEST_MS).cast(INSTANT)


def clamped() -> pl.Expr:
    """occurred_at within [received - 7 d, received + 5 min]: what versions of toggles are made of."""
    received = pl.col("received_at")
    return pl.col("occurred_at").clip(received - 7 * DAY_MS, received + EARLY_MS)


def given(found: Sequence[str], name: str, dtype: Any, default: Any) -> pl.Expr:
    """The column with nulls filled, or the default where the event type has no such field."""
    absent = pl.lit(default, dtype)
    told = pl.col(name).cast(dtype).fill_null(absent) if name in found else absent
    return told.alias(name)


def text(found: Sequence[str], name: str) -> pl.Expr:
    """A text column, empty where nothing was told."""
    return given(found, name, pl.String, "")


def count(found: Sequence[str], name: str, dtype: Any = pl.UInt32) -> pl.Expr:
    """A number that is never negative, 0 where nothing was told; what is too great is cut off."""
    greatest = (1 << 16) - 1 if dtype == pl.UInt16 else (1 << 31) - 1
    return given(found, name, pl.Int64, 0).clip(0, greatest).cast(dtype).alias(name)


def placed() -> tuple[pl.Expr, pl.Expr]:
    """A row's partition and offset."""
    partition, offset = pl.col(PARTITION).cast(pl.UInt16), pl.col(OFFSET).cast(pl.UInt64)
    return partition.alias("k_partition"), offset.alias("k_offset")


def expressions(*columns: str | pl.Expr) -> tuple[pl.Expr, ...]:
    """These columns, a bare name as the column of that name."""
    return tuple(pl.col(one) if isinstance(one, str) else one for one in columns)
