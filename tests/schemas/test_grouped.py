"""Events written together are what fastavro makes of each: the same bytes, the same refusals."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec
from schemas.book import SchemaBook
from schemas.catalogue import EventSchema, latest
from schemas.compiled import Encoders
from schemas.errors import InvalidEvent
from schemas.grouped import GroupedEncoders
from schemas.same_shape import SameShape
from tests.schemas.test_columns import events
from tests.schemas.test_compiled import EVERY, ODD, RECORDS_INSIDE, _each, _ordinary


def _said(encode: Any, many: list[dict[str, Any]]) -> list[bytes] | str:
    try:
        return list(encode(many))
    except InvalidEvent as error:
        return str(error)


@pytest.mark.parametrize("schema", EVERY, ids=_each)
@settings(max_examples=60)
@given(data=st.data())
def test_a_group_says_what_fastavro_says_of_each(schema: EventSchema, data: st.DataObject) -> None:
    """Up to five of one shape, with values that are alike, almost alike, and not for the fast way."""
    first = data.draw(events(schema))
    for name in data.draw(st.lists(st.sampled_from([*first, "nobody's"]), max_size=2)):
        first.pop(name, None) if data.draw(st.booleans()) else first.update({name: data.draw(ODD)})
    first["event_type"] = schema.event_type
    many = [first]
    for _ in range(data.draw(st.integers(0, 4))):
        changed = data.draw(st.lists(st.sampled_from([n for n in first if n != "event_type"]), max_size=2))
        other = data.draw(events(schema))
        many.append(first | {n: data.draw(st.just(other.get(n)) | ODD) for n in changed})
    book = SchemaBook.of([(77, schema)])
    assert _said(GroupedEncoders(book), many) == _said(
        lambda all_: [codec.encode(e, book) for e in all_], many
    )


@pytest.mark.parametrize("schema", EVERY, ids=_each)
@settings(max_examples=10)
@given(data=st.data())
def test_columns_with_one_value_for_all_are_written_for_each(
    schema: EventSchema, data: st.DataObject
) -> None:
    many = [data.draw(events(schema)) | {"event_type": schema.event_type}]
    shared = data.draw(st.sets(st.sampled_from(sorted(many[0])))) | {"event_type"}
    for _ in range(data.draw(st.integers(1, 3))):
        other = data.draw(events(schema))
        many.append({name: many[0][name] if name in shared else other[name] for name in many[0]})
    fields = {name: [one[name] for one in many] for name in many[0]}
    together = SameShape(len(many), fields | {name: [many[0][name]] for name in shared})
    book = SchemaBook.of([(77, schema)])
    assert [*together.rows()] == many
    assert GroupedEncoders(book).same_shape(together) == [codec.encode(one, book) for one in many]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("fps", [0.0, -0.0]),
        ("position", [1, True]),
        ("autoplay", [True, 1]),
        ("experiments", [["a"], ("a",)]),
    ],
)
def test_values_that_are_only_equal_are_not_written_alike(name: str, values: list[Any]) -> None:
    schema = latest("video.validated" if name == "fps" else "view.started")
    event = {f["name"]: _ordinary(f["type"]) for f in schema.fields} | {"event_type": schema.event_type}
    book = SchemaBook.of([(7, schema)])
    many = [event | {name: value} for value in values]
    assert _said(GroupedEncoders(book), many) == _said(
        lambda all_: [codec.encode(e, book) for e in all_], many
    )


@pytest.mark.parametrize("schema", [e for e in EVERY if e.event_type not in RECORDS_INSIDE], ids=_each)
def test_ordinary_events_of_one_shape_take_the_fast_way(
    schema: EventSchema, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> bytes:
        raise AssertionError("one by one")

    event = {f["name"]: _ordinary(f["type"]) for f in schema.fields} | {"event_type": schema.event_type}
    book = SchemaBook.of([(70_000, schema)])
    many = [event | {"event_id": f"{nth:036}"} for nth in range(3)]
    expected = [codec.encode(one, book) for one in many]
    monkeypatch.setattr(Encoders, "__call__", slow)
    assert GroupedEncoders(book)(many) == expected


def test_shapes_are_kept_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.grouped._SHAPES", 3)
    schema = latest("video.liked")
    event = {f["name"]: _ordinary(f["type"]) for f in schema.fields} | {"event_type": schema.event_type}
    book = SchemaBook.of([(7, schema)])
    encode = GroupedEncoders(book)
    for nth in range(10):
        turned = dict([*event.items()][nth:] + [*event.items()][:nth])
        assert encode([turned, turned]) == [codec.encode(event, book)] * 2
    assert len(encode._layouts) <= 3
