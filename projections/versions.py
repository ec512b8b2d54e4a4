"""When an event counts as having happened: its client's clock, held within reason.

A client's clock may be wrong, or a liar's: occurred_at is clamped to [received_at - 7 days, received_at +
5 minutes]. A toggle's version is (clamped, event_id); the greater wins.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

LATEST_MS = 5 * 60_000
"""How far ahead of the gateway's clock a client's may be."""
OLDEST_MS = 7 * 24 * 3_600_000
"""How late an event may come, such as from a phone that was offline."""


def clamped(time: str = "occurred_at") -> pl.Expr:
    """This time column, epoch ms, within what received_at allows; keeps the column's name."""
    received = pl.col("received_at")
    return pl.col(time).clip(received - OLDEST_MS, received + LATEST_MS)


def occurred(row: Mapping[str, Any]) -> int:
    """The same of one row's occurred_at: for folds that go row by row."""
    received = int(row["received_at"])
    return min(max(int(row["occurred_at"]), received - OLDEST_MS), received + LATEST_MS)
