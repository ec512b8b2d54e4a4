"""Runs -> batches: every readable message becomes a row at its offset, whatever lies beside it."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.batch import APPENDED_AT, OFFSET
from schemas.book import SchemaBook
from schemas.codec import encode
from streams.batches.assembling import assemble
from streams.batches.runs import Run
from tests.builders import followed, liked, shared, unliked

BOOK = SchemaBook.local()
TOPIC = "rf.engagement.v1"
GOOD = [encode(make(f"u{at}", "v", at), BOOK) for at in range(4) for make in (liked, unliked, shared)]
BAD = [
    None,
    b"",
    b"\x00",
    b"{}",
    GOOD[0][:-2],
    GOOD[0] + b"x",
    GOOD[0][:5],
    b"\x00\x7f\x7f\x7f\x7f" + GOOD[0][5:],
    encode(followed("a", "b"), BOOK),
]


def run_of(values: list[bytes | None], start: int = 7) -> Run:
    run = Run(TOPIC, 1, start)
    for offset, value in enumerate(values, start):
        run.add(offset, 1_000 + offset, value)
    return run


@given(st.lists(st.sampled_from([*GOOD, *BAD]), max_size=40))
def test_rows_and_invalid_messages_are_told_apart_at_their_offsets(values: list[bytes | None]) -> None:
    batch, invalid = assemble(run_of(values), BOOK.by_id)
    bad = [at for at, value in enumerate(values) if value not in GOOD]
    assert [one.index for one in invalid] == bad
    rows = batch.rows()
    good = [at + 7 for at, value in enumerate(values) if value in GOOD]
    assert [row[OFFSET] for row in rows] == good
    assert [row[APPENDED_AT] for row in rows] == [1_000 + offset for offset in good]
    assert [row["event_id"].encode() for row in rows] == [
        (values[offset - 7] or b"")[6:42] for offset in good
    ]
    assert (batch.start, batch.next) == (7, 7 + len(values))


@given(st.lists(st.sampled_from(GOOD), min_size=1, max_size=8), st.data())
def test_no_damage_to_one_message_harms_another(values: list[bytes], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(values) - 1))
    damaged = bytearray(values[at])
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    batch, _ = assemble(run_of([*values[:at], bytes(damaged), *values[at + 1 :]]), BOOK.by_id)
    expected = [7 + one for one in range(len(values)) if one != at]
    assert [row[OFFSET] for row in batch.rows() if row[OFFSET] != 7 + at] == expected


def test_a_run_spans_from_the_position_it_was_read_from() -> None:
    run = Run(TOPIC, 0, 3)
    run.add(9, 1, None)
    batch, invalid = assemble(run, BOOK.by_id)
    assert (batch.start, batch.next, len(batch), len(invalid)) == (3, 10, 0, 1)


def test_a_run_names_the_schema_ids_of_wellformed_headers_only() -> None:
    run = run_of([GOOD[0], None, b"\x01\x00\x00\x00\x01", b"\x00\x00", b"\x00\x00\x00\x01\x00", bytes(9)])
    assert run.schema_ids() == {BOOK.id_of("video.liked"), 256}
