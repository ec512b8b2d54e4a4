"""The fast decoder is held equal to fastavro, on every schema, and damage stays where it is."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec
from schemas.batch import APPENDED_AT, OFFSET, RecordBatch
from schemas.book import SchemaBook
from schemas.catalogue import EventSchema, latest, parse, versions
from schemas.columns import decode_columns, empty, from_rows
from schemas.errors import InvalidEvent

BOOK = SchemaBook.local()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False),
    "boolean": st.booleans(),
}


def values(avro: Any) -> st.SearchStrategy[Any]:
    if isinstance(avro, list):
        return st.none() | values(next(branch for branch in avro if branch != "null"))
    if isinstance(avro, str):
        return SCALARS[avro]
    match avro["type"]:
        case "array":
            return st.lists(values(avro["items"]), max_size=3)
        case "enum":
            return st.sampled_from(avro["symbols"])
        case "record":
            return st.fixed_dictionaries({f["name"]: values(f["type"]) for f in avro["fields"]})
        case _:  # timestamp-millis, within what a datetime can hold
            return st.integers(0, 4_102_444_800_000)


def events(schema: EventSchema) -> st.SearchStrategy[dict[str, Any]]:
    fields = {f["name"]: values(f["type"]) for f in schema.fields}
    fields |= {"event_id": st.uuids().map(str), "event_type": st.just(schema.event_type)}
    return st.fixed_dictionaries(fields)


@pytest.mark.parametrize("event_type", list(versions()))
@settings(max_examples=25)
@given(data=st.data())
def test_columns_equal_fastavro(event_type: str, data: st.DataObject) -> None:
    rows = data.draw(st.lists(events(latest(event_type)), min_size=1, max_size=5))
    messages = [codec.encode(row, BOOK) for row in rows]
    frame, bad = decode_columns([m[5:] for m in messages], latest(event_type))
    assert bad == []
    assert frame.to_dicts() == [codec.decode(m, BOOK) for m in messages] == rows
    assert frame.equals(from_rows(event_type, rows))


LIKES = [
    codec.encode(row, BOOK)[5:]
    for row in [
        json.loads(json.dumps(dict.fromkeys([f["name"] for f in latest("video.liked").fields])))
        | {"event_id": f"00000000-0000-7000-8000-{n:012d}", "event_type": "video.liked", "source": "/t"}
        | {"occurred_at": n, "received_at": n, "actor_id": "a", "surface": "fyp", "experiments": ["a=b"]}
        | {"video_id": f"v{n}"}
        for n in range(12)
    ]
]


@settings(max_examples=200)
@given(
    index=st.integers(0, 11),
    cut=st.integers(0, 120),
    tail=st.binary(max_size=40),
    length=st.integers(1, 12),
)
def test_damage_never_reaches_the_neighbours(index: int, cut: int, tail: bytes, length: int) -> None:
    bodies = LIKES[:length]
    index %= length
    damaged = bodies[index][:cut] + tail
    bodies = [*bodies[:index], damaged, *bodies[index + 1 :]]
    frame, bad = decode_columns(bodies, latest("video.liked"))
    try:
        whole = codec.decode_body(damaged, latest("video.liked"))
    except InvalidEvent:
        assert [b.index for b in bad] == [index]
        assert frame["video_id"].to_list() == [f"v{n}" for n in range(length) if n != index]
    else:
        assert bad == [] and frame.row(index, named=True) == whole


def test_a_foreign_event_type_in_a_record_is_invalid() -> None:
    raw = json.loads(latest("video.liked").text)
    liked = LIKES[0].replace(b"video.liked", b"video.loved")
    frame, bad = decode_columns([LIKES[1], liked], parse(raw, 1))
    assert frame.height == 1 and bad[0].error.reason == "wrong_type"


def test_an_older_version_is_read_with_the_defaults_of_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    newer = json.loads(latest("video.liked").text)
    newer["fields"].append({"name": "boost", "type": "int", "doc": ".", "default": 3})
    older, newest = latest("video.liked"), parse(newer, 2)
    for module in ("schemas.codec", "schemas.columns"):
        monkeypatch.setattr(f"{module}.latest", lambda _: newest)
    frame, _ = decode_columns(LIKES[:3], older)
    assert frame["boost"].to_list() == [3, 3, 3]
    assert frame.to_dicts() == [codec.decode_body(body, older) for body in LIKES[:3]]


def batch(offsets: list[int], start: int, after: int) -> RecordBatch:
    frame = decode_columns(LIKES[: len(offsets)], latest("video.liked"))[0].with_columns(
        pl.Series(OFFSET, offsets, pl.Int64), pl.Series(APPENDED_AT, offsets, pl.Int64)
    )
    return RecordBatch("rf.engagement.v1", 0, start, after, {"video.liked": frame})


@given(
    offsets=st.lists(st.integers(10, 60), min_size=1, max_size=12, unique=True).map(sorted),
    rows=st.integers(1, 5),
)
def test_pieces_join_seamlessly_and_lose_nothing(offsets: list[int], rows: int) -> None:
    whole = batch(offsets, 5, 70)
    pieces = list(whole.pieces(rows))
    assert pieces[0].start == 5 and pieces[-1].next == 70
    assert all(a.next == b.start for a, b in zip(pieces, pieces[1:], strict=False))
    assert all(0 < len(piece) <= rows for piece in pieces)
    assert [r[OFFSET] for piece in pieces for r in piece.rows()] == offsets


def test_a_batch_without_rows() -> None:
    nothing = RecordBatch("rf.engagement.v1", 0, 3, 9)
    assert len(nothing) == 0 and nothing.clock == 0 and list(nothing.pieces(5)) == [nothing]
    assert empty("video.liked").height == 0
