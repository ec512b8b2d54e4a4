"""What folds do to frames: a few rows one by one, many in columns, and the same said of both."""

from collections import Counter
from unittest.mock import patch

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections import frames
from projections.frames import counted, greatest, kept, stacked, summed

rows = st.lists(
    st.tuples(
        st.sampled_from("ab"), st.sampled_from(["x", "", "é"]), st.integers(-2, 2), st.sampled_from("pq")
    ),
    max_size=12,
)
ways = pytest.mark.parametrize("few", [0, 1_000], ids=["in columns", "one by one"])
SCHEMA = {"user": pl.String, "video": pl.String, "at": pl.Int64, "word": pl.String}
Row = tuple[str, str, int, str]


def frame_of(found: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(found, schema=SCHEMA, orient="row")


@ways
@given(found=rows)
def test_counts_and_sums_are_those_of_every_row(few: int, found: list[Row]) -> None:
    expected, sums = Counter((user, video) for user, video, _, _ in found), Counter[tuple[str, str]]()
    for user, video, at, _ in found:
        sums[user, video] += at
    with patch.object(frames, "FEW", few):
        assert {one[:2]: one[2] for one in counted(frame_of(found), "user", "video")} == expected
        said = summed(frame_of(found), ("user", "video"), "at")
    assert sorted(said) == sorted((*key, at) for key, at in sums.items())


@ways
@given(found=rows)
def test_of_each_key_the_greatest_row_is_left_whole(few: int, found: list[Row]) -> None:
    best: dict[str, Row] = {}
    for one in found:
        best[one[0]] = max(one, best.get(one[0], one), key=lambda row: (row[2], row[3]))
    with patch.object(frames, "FEW", few):
        left = greatest(frame_of(found), ("user",), ("at", "word"))
    assert left.schema == pl.Schema(SCHEMA)
    assert sorted((user, at, word) for user, _, at, word in left.rows()) == sorted(
        (user, at, word) for user, _, at, word in best.values()
    )
    assert set(left.rows()) <= set(found)


@ways
@given(found=st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=12))
def test_what_is_kept_is_kept_in_order(few: int, found: list[tuple[int, bool]]) -> None:
    frame = pl.DataFrame({"at": [at for at, _ in found]}, schema={"at": pl.Int64})
    with patch.object(frames, "FEW", few):
        left = kept(frame, np.array([keep for _, keep in found], dtype=bool))
    assert left["at"].to_list() == [at for at, keep in found if keep]


@given(parts=st.lists(rows, min_size=1, max_size=4))
def test_frames_lie_one_above_the_other(parts: list[list[Row]]) -> None:
    assert stacked([*map(frame_of, parts)]).rows() == [one for part in parts for one in part]
