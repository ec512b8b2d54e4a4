"""Likes in columns say what they say one by one; words of commands leave nothing out."""

from collections import defaultdict

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from projections.engagement.fold import Like, toggles, turned
from projections.redis_words import gathered, words
from tests.builders import batch_of, impression, view_started

likes = st.builds(
    Like, st.integers(-2, 2), st.sampled_from(["a", "b", "a|1", "|", "x\ny", ""]), st.booleans()
)
names = st.text(st.sampled_from('ab"\\\x00\n|é中'), max_size=3)


def stored(like: Like) -> str:
    return f"{like.at}|{like.event_id}|{like.on:d}"


@given(likes)
def test_a_like_is_what_it_was_when_it_was_stored(like: Like) -> None:
    assert Like.of(stored(like)) == like


@given(st.lists(st.tuples(likes, st.none() | likes), max_size=6))
def test_a_toggle_counts_where_it_is_the_later_word_and_by_what_it_changes(
    pairs: list[tuple[Like, Like | None]],
) -> None:
    said = pl.DataFrame(
        [(f"u{nth}", "v", *like) for nth, (like, _) in enumerate(pairs)],
        schema=toggles(batch_of(impression("ann", "v1", "r1", 5))).schema,
        orient="row",
    )
    before = pl.Series([None if one is None else stored(one) for _, one in pairs], dtype=pl.String)
    assert turned(said, before).rows() == [
        (f"u{nth}", "v", stored(like), like.on - (one is not None and one.on))
        for nth, (like, one) in enumerate(pairs)
        if one is None or like > one
    ]


@given(st.lists(st.tuples(names, st.integers(0, 9), names), max_size=12))
def test_every_row_is_among_the_words_of_its_key_and_keys_stand_once(
    rows: list[tuple[str, int, str]],
) -> None:
    frame = pl.DataFrame(rows, schema={"key": pl.String, "at": pl.Int64, "video": pl.String}, orient="row")
    keys, counts, said = words(gathered(frame, "key"), "key", ("at", "video"))
    found: dict[str, list[tuple[str, str]]] = {}
    for key, count in zip(keys, counts, strict=True):
        mine, said = said[:count], said[count:]
        found[key] = sorted(zip(mine[::2], mine[1::2], strict=True))
    expected: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for key, at, video in rows:
        expected[key].append((str(at), video))
    assert said == []
    assert len(keys) == len(set(keys))
    assert found == {key: sorted(one) for key, one in expected.items()}


def test_a_batch_knows_when_its_eldest_and_its_youngest_row_were_received() -> None:
    batch = batch_of(view_started("ann", "v1", "w1", 7), view_started("ann", "v1", "w2", 3))
    assert batch.received() == batch.received() == (3, 7)
    assert batch.since(batch.start + 1).received() == (3, 3)
    assert batch_of(impression("ann", "v1", "r1", 5)).received() == (5, 5)
    assert batch.since(batch.next).received() == ()
