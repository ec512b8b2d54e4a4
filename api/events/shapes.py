"""Events of one shape (their type, and their fields in order) are judged together, field by field.

A phone posts fifty events of two or three shapes, and what holds for a whole column is asked once. Here only
what is plainly good is taken in; all else goes to api.events.validation event by event, which alone says
what is wrong with it. A law holds both ways equal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.callers.accounts import Principal
from api.callers.roles import OWN_ACCOUNT, OWN_VIDEO, may_post
from api.events.columns import Judge, judge
from api.events.judged import Alike, Judged
from api.events.parsing import Event, Rejection
from api.events.validation import FUTURE_MS, PAST_MS, Draft, check, names_actor, rules
from schemas.catalogue import latest
from schemas.same_shape import Column, SameShape

_NAMES = tuple[str, ...]
_SHAPES = 1_000
_FEW = 3
"""Fewer of one shape are judged one by one: a column costs 1.3 us, whatever is in it, an event 8."""
_ONE_BY_ONE = OWN_ACCOUNT | OWN_VIDEO
"""Types that are somebody's own: rare, and each is looked at."""
_TEXT, _FLOATS = {str}, {float}


@dataclass(frozen=True, slots=True)
class _Shape:
    """A judge for each field, in the order in which they stand; None: any value."""

    judges: tuple[Judge | None, ...]
    times: tuple[str, ...]
    """Which fields are instants by the client's clock."""


_known: dict[_NAMES, _Shape] = {}


def checked(
    events: Sequence[Event | Rejection], places: Sequence[int], principal: Principal, received_at: int
) -> Judged:
    """What `api.events.validation.check` makes of the events at these places."""
    alike, drafts, rejected, together = [], {}, {}, set[int]()
    for names, group in _groups(events, places, principal).items():
        if len(group) >= _FEW and (good := _alike(names, group, events, principal, received_at)) is not None:
            alike.append(good)
            together.update(group)
    for place in places:
        if place in together:
            continue
        outcome = check(events[place], principal, received_at)
        if isinstance(outcome, Draft):
            drafts[place] = outcome
        else:
            rejected[place] = outcome
    return Judged(alike, drafts, rejected)


def _groups(
    events: Sequence[Event | Rejection], places: Sequence[int], principal: Principal
) -> Mapping[_NAMES, list[int]]:
    """Places of the events of each shape. Who may name the actor is looked at one by one."""
    groups: dict[_NAMES, list[int]] = {}
    if len(places) < _FEW or names_actor(principal):
        return groups
    last: _NAMES = ()
    for place in places:
        event = events[place]
        if type(event) is not dict or type(event_type := event.get("event_type")) is not str:
            continue
        names = (event_type, *event)
        if names != last:
            last, group = names, groups.setdefault(names, [])
        group.append(place)
    return groups


def _alike(
    names: _NAMES,
    places: Sequence[int],
    events: Sequence[Any],
    principal: Principal,
    received_at: int,
) -> Alike | None:
    """Events of one shape, when all of them are plainly good."""
    if (shape := _shape(names)) is None or not may_post(principal.role, names[0]):
        return None
    columns = []
    for one, column in zip(
        shape.judges, zip(*[events[nth].values() for nth in places], strict=True), strict=True
    ):
        if (good := _good(one, column)) is None:
            return None
        columns.append(good)
    fields: dict[str, Column] = dict(zip(names[1:], columns, strict=True))
    alike = SameShape(len(places), fields)
    shown_ids = alike.each("event_id")
    fields["event_id"] = [one.lower() for one in shown_ids]
    fields["source"], fields["actor_id"] = (principal.source,), (principal.actor_id,)
    fields["received_at"] = (received_at,)
    for name in shape.times:
        fields[name] = _clamped(fields[name], received_at - PAST_MS, received_at + FUTURE_MS)
    return Alike(places, shown_ids, alike)


def _shape(names: _NAMES) -> _Shape | None:
    """The shape of these names; None where one by one is the only way. Of names that no schema has nothing
    is kept: a client may make them as long as an event may be."""
    found = _known.get(names)
    if found is None and (found := _made(*names)) is not None:
        if len(_known) >= _SHAPES:  # a client may send its fields in any order
            _known.clear()
        _known[names] = found
    return found


def _made(event_type: str, *names: str) -> _Shape | None:
    found = rules().get(event_type)
    if found is None or found.sealed_model is not None or event_type in _ONE_BY_ONE:
        return None
    if not found.client.issuperset(names):
        return None
    fields = {field["name"]: field for field in latest(event_type).fields}
    needed = {name for name, field in fields.items() if "default" not in field and "filled_by" not in field}
    if not needed.issubset(names):
        return None
    judges = [None if name == "event_type" else judge(fields[name]) for name in names]
    if None in (one for one, name in zip(judges, names, strict=True) if name != "event_type"):
        return None
    return _Shape(tuple(judges), tuple(name for name in names if name in found.times))


def _good(one: Judge | None, column: Column) -> Column | None:
    """The column, if it holds; values that are all the same as one. Equal floats may differ (0.0, -0.0)."""
    first = column[0]
    if type(first) is str and column.count(first) == len(column):  # only text is equal to text
        return column[:1] if one is None or one(column[:1], _TEXT) else None
    kinds = set(map(type, column))
    if len(kinds) == 1 and kinds != _FLOATS and column.count(first) == len(column):
        column = column[:1]
    return column if one is None or one(column, kinds) else None


def _clamped(column: Column, earliest: int, latest_ms: int) -> Column:
    if earliest <= min(column) and max(column) <= latest_ms:
        return column
    return [min(max(value, earliest), latest_ms) for value in column]
