"""A compiled encoder says what fastavro says: the same bytes, the same refusals, on every schema."""

from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec
from schemas.book import SchemaBook
from schemas.catalogue import EventSchema, latest, versions
from schemas.compiled import Encoders, compiled
from schemas.errors import InvalidEvent
from tests.schemas.test_columns import TEXT, events

BOOK = SchemaBook.local()
EVERY = [schema for group in versions().values() for schema in group]
ODD = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | TEXT | st.binary(max_size=3)
    | st.sampled_from(["\ud800", "x" * 9000, "é", 2**31, -(2**31) - 1, 2**63, 2**63 - 1, -(2**63)])
    | st.sampled_from([2**27, 2**27 - 1, 2**41, 2**41 - 1, 2**14])
    | st.lists(TEXT | st.integers(), max_size=2)
)  # fmt: skip


def _said(encode: Any, event: dict[str, Any]) -> bytes | str:
    try:
        return bytes(encode(event))
    except InvalidEvent as error:
        return str(error)


def _each(schema: EventSchema) -> str:
    return f"{schema.event_type}.v{schema.version}"


@pytest.mark.parametrize("schema", EVERY, ids=_each)
@settings(max_examples=60)
@given(data=st.data())
def test_what_it_says_is_what_fastavro_says(schema: EventSchema, data: st.DataObject) -> None:
    event = data.draw(events(schema))
    names = [*event, "nobody's"]
    for name in data.draw(st.lists(st.sampled_from(names), max_size=3)):
        if data.draw(st.booleans()):
            event.pop(name, None)
        else:
            event[name] = data.draw(ODD)
    event["event_type"] = schema.event_type
    book = SchemaBook.of([(77, schema)])
    assert _said(Encoders(book), event) == _said(lambda one: codec.encode(one, book), event)


RECORDS_INSIDE = {"feed.served", "transcode.completed"}
"""Types with records in them: those are fastavro's."""


@pytest.mark.parametrize("schema", [e for e in EVERY if e.event_type not in RECORDS_INSIDE], ids=_each)
def test_an_ordinary_event_takes_the_fast_way(schema: EventSchema) -> None:
    event = {f["name"]: _ordinary(f["type"]) for f in schema.fields if "default" not in f}
    event["event_type"] = schema.event_type
    book = SchemaBook.of([(70_000, schema)])
    assert compiled(schema, 70_000)(event) == codec.encode(event, book)
    everything = {f["name"]: _ordinary(f["type"]) for f in schema.fields} | event
    assert compiled(schema, 70_000)(everything) == codec.encode(everything, book)


@pytest.mark.parametrize("bits", range(64))
def test_numbers_of_every_size_are_fastavros(bits: int) -> None:
    schema = latest("view.started")
    event = {f["name"]: _ordinary(f["type"]) for f in schema.fields} | {"event_type": schema.event_type}
    book = SchemaBook.of([(7, schema)])
    for number in {(1 << bits) - 1, 1 << bits, -(1 << bits), -(1 << bits) - 1}:
        for name in ("occurred_at", "startup_ms"):
            changed = event | {name: number}
            assert _said(Encoders(book), changed) == _said(partial(codec.encode, book=book), changed)


@pytest.mark.parametrize("places", [0, 1, 200])
def test_a_list_that_many_events_carry_is_written_as_any_other(places: int) -> None:
    schema = latest("feed.served")
    event = {f["name"]: _ordinary(f["type"]) for f in schema.fields if f["name"] != "items"}
    event |= {"event_type": schema.event_type, "event_id": "é" * 3}
    one = {"video_id": "vü", "position": 3, "sources": ["following"], "score": None, "slot_kind": "exploit"}
    plain, kept = event | {"items": [one] * places}, event | {"items": codec.Kept([one] * places)}
    for schema_id in (7, 70_000):
        book = SchemaBook.of([(schema_id, schema)])
        expected = codec.encode(plain, book)
        assert [Encoders(book)(kept), codec.encode(kept, book)] == [expected] * 2
        ascii_only = kept | {"event_id": "x" * 36}
        assert compiled(schema, schema_id)(ascii_only) == codec.encode(plain | {"event_id": "x" * 36}, book)


def test_a_kept_list_that_is_wrong_is_refused_in_fastavros_words() -> None:
    schema = latest("feed.served")
    event = {f["name"]: _ordinary(f["type"]) for f in schema.fields if f["name"] != "items"}
    event["event_type"] = schema.event_type
    book = SchemaBook.of([(7, schema)])
    wrong = [{"video_id": 3}]
    said = _said(partial(codec.encode, book=book), event | {"items": wrong})
    assert isinstance(said, str)
    assert _said(Encoders(book), event | {"items": codec.Kept(wrong)}) == said


def _ordinary(kind: Any) -> Any:
    if isinstance(kind, list):
        return _ordinary(kind[1])
    name = kind["type"] if isinstance(kind, dict) else kind
    values = {
        "string": "x" * 70,
        "int": -7,
        "long": 1 << 40,
        "double": 1.5,
        "boolean": False,
        "array": ["a", "b"],
    }
    return kind["symbols"][-1] if name == "enum" else values[name]
