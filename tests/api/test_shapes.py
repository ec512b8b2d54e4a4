"""Judging events together says what judging each says, of every type and by every caller."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from api.callers.accounts import ANY_ACTOR, Principal
from api.callers.roles import may_post
from api.events import shapes
from api.events.columns import judge
from api.events.parsing import Rejection
from api.events.validation import Draft, check
from schemas.catalogue import latest
from tests.api.door import NOW
from tests.api.test_intake_laws import _ALMOST, _EXAMPLES, _JSON, events

ANN = Principal("ann", "user", "/client")
CALLERS = (
    ANN,
    Principal("anon:d1", "device", "/client"),
    Principal("svc:x", "service", "/svc/x"),
    Principal("svc:y", "service", "/svc/y", frozenset([ANY_ACTOR])),
    Principal("op", "operator", "/ops"),
)
ID = "0192f0c1-a2b3-7c0d-8e4f-5a6b7c8d9e0f"
_TIMES = st.sampled_from([NOW, NOW - 8 * 86_400_000, NOW + 10**7, -1, 2**62])
_IDS = st.sampled_from(
    [ID, ID.upper(), ID[:-1], ID + "0", ID.replace("-", "0"), ID[::-1], "v1", "-v1", "v 1", "v1\n", ""]
)


def checked(events: list[Any], caller: Principal) -> list[Draft | Rejection]:
    """What became of each event, those that were judged together among them."""
    judged = shapes.checked(events, range(len(events)), caller, NOW)
    outcomes: dict[int, Draft | Rejection] = judged.drafts | judged.rejected
    for alike in judged.alike:
        drafts = [
            Draft(row, {}, shown) for row, shown in zip(alike.events.rows(), alike.shown_ids, strict=True)
        ]
        outcomes.update(zip(alike.places, drafts, strict=True))
    assert len(outcomes) == len(judged) == len(events)
    return [outcomes[place] for place in range(len(events))]


def _unsigned(event_type: str) -> dict[str, Any]:
    """A valid event as people send it, who do not say who they are."""
    return {name: value for name, value in _EXAMPLES[event_type].items() if name != "actor_id"}


@st.composite
def batches(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Events of few shapes, most of them good: of one, others that differ in a value or two."""
    made: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 3))):
        first = draw(events())
        if draw(st.booleans()):
            first.pop("actor_id", None)
        made.append(first)
        for _ in range(draw(st.integers(0, 3))):
            names = draw(st.lists(st.sampled_from(sorted(first)), max_size=2)) if first else []
            made.append(first | {name: draw(_ALMOST | _TIMES | _IDS | _JSON) for name in names})
    assume(_readable(made))
    return draw(st.permutations(made))


def _readable(value: object) -> bool:
    """Parsing lets no half of a surrogate pair through (api.events.parsing, test_intake_laws)."""
    return "\\ud" not in ascii(value)


@given(batches(), st.sampled_from(CALLERS))
@settings(max_examples=600)
def test_together_is_as_one_by_one(batch: list[Any], caller: Principal) -> None:
    one_by_one = [check(event, caller, NOW) for event in batch]
    assert checked(batch, caller) == one_by_one


_PLAIN = [name for name in _EXAMPLES if may_post("service", name) and shapes._shape((name, *_unsigned(name)))]
_FIELDS = [
    (name, field) for name in _PLAIN for field in latest(name).fields
    if "filled_by" not in field and field["name"] != "event_type" and judge(field) is not None
]  # fmt: skip


@given(st.sampled_from(_FIELDS), st.lists(_ALMOST | _TIMES | _IDS | _JSON, min_size=1, max_size=4))
@settings(max_examples=1_000)
def test_a_column_is_good_only_if_every_value_is(place: tuple[str, Any], values: list[Any]) -> None:
    assume(_readable(values))
    event_type, field = place
    good = [not _refuses(event_type, field["name"], value) for value in values]
    assert _judged(field, values) <= all(good)


@pytest.mark.parametrize(
    ("event_type", "field"), _FIELDS, ids=lambda one: one if isinstance(one, str) else one["name"]
)
def test_a_column_holds_to_the_very_bound(event_type: str, field: Any) -> None:
    """The values at a bound and those just beyond, alone and after a good one: as the model says."""
    values = [*_at_bounds(field)]
    good = [not _refuses(event_type, field["name"], value) for value in values]
    assert any(good)
    assert [_judged(field, [value]) for value in values] == good
    for fine in [value for value, holds in zip(values, good, strict=True) if holds and value is not None]:
        assert [_judged(field, [fine, other]) for other in values] == good
        assert [_judged(field, [other, fine]) for other in values] == good


def _judged(field: Any, values: list[Any]) -> bool:
    found = judge(field)
    assert found is not None
    return found(values, set(map(type, values)))


def _at_bounds(field: Any) -> Iterator[Any]:
    kind = field["type"]
    if isinstance(kind, list):
        yield None
        (kind,) = [branch for branch in kind if branch != "null"]
    name = kind["type"] if isinstance(kind, dict) else kind
    if name in ("int", "long", "double"):
        least = field.get("minimum", -(2**31) if name == "int" else -(2**63))
        most = field.get("maximum", 2**31 - 1 if name == "int" else 2**63 - 1)
        edges = [least - 1, least, least + 1, most - 1, most, most + 1]
        yield from map(float, edges) if name == "double" else edges
    elif name == "boolean":
        yield from (True, False, 1)
    elif name == "enum":
        yield from (*kind["symbols"], "X", 0)
    elif name == "array":
        size, longest = field.get("maxItems", 4), field.get("itemMaxLength", 10)
        yield from ([], ["x"], ["x"] * size, ["x" * longest], ["x", "x" * longest], ["x", 1])
        if "maxItems" in field:
            yield ["x"] * (size + 1)
        if "itemMaxLength" in field:
            yield from (["x" * (longest + 1)], ["x", "x" * (longest + 1)])
    elif field.get("format") == "uuid":
        yield from (ID, ID.upper(), ID[:-1], ID + "0", ID[:8] + "0" + ID[9:])
    else:
        least, most = field.get("minLength", 0), field.get("maxLength", 300)
        yield from ("x" * size for size in {max(0, least - 1), least, least + 1, most - 1, most})
        yield from (["x" * (most + 1)] if "maxLength" in field else [])
        yield from ("a b", "a-b", "a.b", "-b", ".b", "a\u00e9", "")


def _refuses(event_type: str, name: str, value: Any) -> bool:
    outcome = check(_unsigned(event_type) | {name: value}, CALLERS[2], NOW)
    return not isinstance(outcome, Draft)


@pytest.mark.parametrize(
    "event_type", ["view.started", "view.ended", "view.heartbeat", "video.liked", "feed.impression"]
)
def test_ordinary_events_are_not_looked_at_one_by_one(
    event_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = {name: value for name, value in _EXAMPLES[event_type].items() if name != "actor_id"}
    event |= {"platform": "ios", "country": None, "experiments": ["a=1"], "occurred_at": NOW}
    many = [event | {"event_id": ID[:-1] + letter} for letter in "0aF"]
    expected = [check(one, ANN, NOW) for one in many]
    monkeypatch.setattr(shapes, "check", lambda *_: pytest.fail("one by one"))
    assert checked(many, ANN) == expected
    assert all(isinstance(one, Draft) for one in expected)


@pytest.mark.parametrize(
    ("event_type", "name", "wrong"),
    [
        ("view.started", "event_id", ID.replace("-", "0")),
        ("view.started", "event_id", "0" + ID[:-1]),
        ("view.started", "event_id", ID[:8] + "--" + ID[9:-1]),
        ("view.started", "event_id", ID[:-1] + "g"),
        ("view.started", "event_id", ID + "0"),
        ("view.started", "video_id", ""),
        ("view.started", "video_id", "-v"),
        ("view.started", "video_id", "v/1"),
        ("view.started", "video_id", "v\n"),
        ("view.started", "video_id", "v" * 129),
        ("view.started", "video_id", None),
        ("view.started", "video_id", "\u00e9"),
        ("view.started", "session_id", 7),
        ("view.started", "platform", "p" * 17),
        ("view.started", "surface", "nowhere"),
        ("view.started", "position", -1),
        ("view.started", "position", True),
        ("view.started", "autoplay", 1),
        ("view.started", "occurred_at", 1.0),
        ("view.started", "experiments", ["x" * 65]),
        ("view.started", "experiments", ["x"] * 17),
        ("view.started", "experiments", [1]),
        ("view.started", "startup_ms", 600_001),
        ("view.started", "muted", None),
    ],
)
def test_a_wrong_value_is_found_among_good_ones(event_type: str, name: str, wrong: Any) -> None:
    """Each of these is refused, alone, by the one rule that it breaks."""
    event = {key: value for key, value in _EXAMPLES[event_type].items() if key != "actor_id"}
    good = {
        "surface": "fyp",
        "session_id": "s",
        "platform": "p",
        "position": 1,
        "autoplay": True,
        "muted": False,
        "startup_ms": 1,
        "experiments": ["x"],
    }
    names = {field["name"] for field in latest(event_type).fields}
    event |= {key: value for key, value in good.items() if key in names}
    many = [event, event | {"event_id": ID.upper()}, event, event | {name: wrong}]
    expected = [check(one, ANN, NOW) for one in many]
    assert [isinstance(one, Draft) for one in expected] == [True, True, True, False]
    assert checked(many, ANN) == expected
    (field,) = [one for one in latest(event_type).fields if one["name"] == name]
    found = judge(field)
    assert found is not None
    assert not found([event[name], wrong], {type(event[name]), type(wrong)})


def test_a_value_that_all_share_stands_once_unless_it_may_be_written_in_two_ways() -> None:
    likes = [_EXAMPLES["video.liked"] | {"event_id": ID[:-1] + letter} for letter in "012"]
    for one in likes:
        del one["actor_id"]
    (alike,) = shapes.checked(likes, range(3), ANN, NOW).alike
    assert {name: len(column) for name, column in alike.events.fields.items() if len(column) > 1} == {
        "event_id": 3
    }
    film = {**_EXAMPLES["video.validated"], "fps": 0.0}
    del film["actor_id"]
    (alike,) = shapes.checked([film, film | {"fps": -0.0}, film], range(3), CALLERS[2], NOW).alike
    assert [*map(str, alike.events.fields["fps"])] == ["0.0", "-0.0", "0.0"]


def test_only_the_places_asked_are_judged() -> None:
    event = {name: value for name, value in _EXAMPLES["video.liked"].items() if name != "actor_id"}
    judged = shapes.checked([event] * 9 + [{}], range(2, 6), ANN, NOW)
    assert ([*judged.alike[0].places], judged.drafts, judged.rejected) == ([2, 3, 4, 5], {}, {})


def test_one_bad_value_condemns_nobody_else() -> None:
    event = {name: value for name, value in _EXAMPLES["video.liked"].items() if name != "actor_id"}
    many = [event, event | {"video_id": "no/slash"}, event]
    assert [isinstance(one, Draft) for one in checked(many, ANN)] == [True, False, True]


def test_shapes_are_kept_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "_SHAPES", 5)
    known: dict[Any, Any] = {}
    monkeypatch.setattr(shapes, "_known", known)
    event = {name: value for name, value in _EXAMPLES["view.started"].items() if name != "actor_id"}
    event |= {"platform": "p", "lang": "de", "muted": True}
    for nth in range(8):
        turned = dict([*event.items()][nth:] + [*event.items()][:nth])
        checked([turned] * 3, ANN)
        checked([event | {f"x{nth}" * 1_000: 1}] * 3, ANN)
    assert 0 < len(known) <= 5
    assert max(map(len, (name for names in known for name in names))) < 100
