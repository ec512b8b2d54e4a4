"""The law of the recent ids: what counts depends on the log, not on how it was cut into batches."""

from unittest.mock import patch

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from projections import recent_ids
from projections.recent import BUCKETS, ID, Marked, RecentIds
from projections.recent_ids import FEW
from schemas.batch import APPENDED_AT, OFFSET

records = st.lists(st.tuples(st.integers(0, 3), st.integers(-2, 4)), min_size=1, max_size=40)
"""(id, how much later than the one before): buckets are one long. A broker's clock may go back."""


@given(
    records=records,
    cuts=st.sets(st.integers(1, 39)),
    few=st.sampled_from([0, 3, 64]),
    loose=st.sampled_from([0, 2, 4_096]),
)
@example(records=[(1, 1), (0, 4), (2, 3), (1, -1)], cuts=set(), few=64, loose=4_096)  # back over a bound
def test_any_batching_counts_what_the_definition_says(
    records: list[tuple[int, int]], cuts: set[int], few: int, loose: int
) -> None:
    """Also with batches on both sides of what counts as few, and ids that become an array sooner or later."""
    with patch.multiple(recent_ids, FEW=few, MOST_LOOSE=loose):
        _counts_what_the_definition_says(records, cuts)


def _counts_what_the_definition_says(records: list[tuple[int, int]], cuts: set[int]) -> None:
    clocks = [50 + sum(step for _, step in records[: index + 1]) for index in range(len(records))]
    ids = [one for one, _ in records]
    frame = pl.DataFrame(
        {OFFSET: range(len(ids)), APPENDED_AT: clocks, ID: ids},
        schema={OFFSET: pl.Int64, APPENDED_AT: pl.Int64, ID: pl.UInt64},
    )
    recent, counted, bounds = RecentIds(BUCKETS), [], sorted({0, len(ids), *cuts})
    for start, end in zip(bounds, bounds[1:], strict=False):
        batch = Marked.of(frame.slice(start, end - start))
        counted += batch.offsets[recent.fresh(batch)].tolist()
        recent.remember(batch)
    latest = [max(clocks[: n + 1]) for n in range(len(clocks))]
    assert counted == [n for n in range(len(ids)) if not _repeats(n, ids, latest)]


def _repeats(n: int, ids: list[int], clocks: list[int]) -> bool:
    return any(ids[m] == ids[n] and clocks[m] >= clocks[n] - BUCKETS for m in range(n))


@pytest.mark.parametrize("rows", [1, FEW, FEW + 1])
@pytest.mark.parametrize(("later", "repeated"), [(BUCKETS, True), (BUCKETS + 1, False)])
def test_a_repetition_is_known_for_just_so_many_buckets(rows: int, later: int, repeated: bool) -> None:
    """Remembered by few and asked for by few, or many: to the bucket the same."""
    ids = np.arange(1, rows + 1, dtype=np.uint64)
    for first in (ids, ids[:1]):
        memory = RecentIds(600 * BUCKETS)
        memory.remember(Marked(np.arange(len(first)), np.full(len(first), 600 * 10), first))
        again = Marked(np.arange(rows) + 1_000, np.full(rows, 600 * (10 + later)), ids)
        known = {1, rows} if len(first) == rows else {1}
        fresh = memory.fresh(again)
        assert all(bool(fresh[one - 1]) is not repeated for one in known)
