"""Sightings as lines: whatever was appended, in whatever order, says what a dictionary would."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from projections.keyset import page
from projections.seen.lines import compacted, lines, newest

users = st.sampled_from(["ann", "bob", "eve"])
videos = st.one_of(st.sampled_from(["v1", "v2", "a b", "", " ", "x\ny", "#3"]), st.text(max_size=5))
sightings = st.lists(st.tuples(users, videos, st.integers(-5, 2**50)), max_size=40)
SCHEMA = {"actor_id": pl.String, "video_id": pl.String, "at": pl.Int64}


def said(rows: list[tuple[str, str, int]]) -> dict[str, list[str]]:
    users, counts, every = lines(pl.DataFrame(rows, schema=SCHEMA, orient="row"))
    assert sum(counts) == len(every) == len(rows)
    return {user: [every.pop(0) for _ in range(count)] for user, count in zip(users, counts, strict=True)}


@given(sightings, st.integers(1, 6))
def test_what_is_appended_is_read_again(rows: list[tuple[str, str, int]], cap: int) -> None:
    greatest: dict[str, dict[str, int]] = {}
    for user, video, at in rows:
        times = greatest.setdefault(user, {})
        times[video] = max(at, times.get(video, at))
    found = said(rows)
    assert found.keys() == greatest.keys()
    for user, times in greatest.items():
        assert newest(found[user], cap) == page([(at, video) for video, at in times.items()], None, cap)


@given(sightings, sightings, st.integers(1, 6))
def test_put_in_order_they_say_the_same_and_go_on(
    before: list[tuple[str, str, int]], after: list[tuple[str, str, int]], cap: int
) -> None:
    one, more = said(before).get("ann", []), said(after).get("ann", [])
    ordered = compacted(one, cap)
    assert ordered == [f"#{len(ordered) - 1}", *(f"{at} {video}" for at, video in newest(one, cap)[::-1])]
    assert newest(ordered, cap) == newest(one, cap)
    assert newest(ordered + more, cap) == newest(one + more, cap) == newest(more + one, cap)
    assert compacted(ordered, cap) == ordered


def test_of_nobody_nothing_is_said() -> None:
    assert newest([], 5) == newest(compacted([], 5), 5) == []
