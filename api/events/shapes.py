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
from api.events.parsing import Event, Rejection
from api.events.validation import FUTURE_MS, PAST_MS, Draft, check, clamp, names_actor, rules
from schemas.catalogue import latest

Outcome = Draft | Rejection
_NAMES = tuple[str, ...]
_SHAPES = 1_000
_FEW = 3
"""Fewer of one shape are judged one by one: a column costs 1.3 us, whatever is in it, an event 8."""
_ONE_BY_ONE = OWN_ACCOUNT | OWN_VIDEO
"""Types that are somebody's own: rare, and each is looked at."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """A judge for each field, in the order in which they stand; None: any value."""

    judges: tuple[Judge | None, ...]
    times: tuple[int, ...]
    """Which fields are instants by the client's clock."""


_known: dict[_NAMES, _Shape] = {}


def checked(events: Sequence[Event | Rejection], principal: Principal, received_at: int) -> list[Outcome]:
    """What `api.events.validation.check` makes of each event, in order. The events become the drafts'."""
    outcomes: list[Any] = [None] * len(events)
    for names, places in _groups(events, principal).items():
        if len(places) < _FEW:
            continue
        group = [events[nth] for nth in places]
        if (shape := _shape(names)) is None or not may_post(principal.role, names[0]):
            continue
        columns = [*zip(*[event.values() for event in group if isinstance(event, dict)], strict=True)]
        if all(map(_good, shape.judges, columns)):
            for nth, draft in zip(
                places, _drafts(group, shape, columns, principal, received_at), strict=True
            ):
                outcomes[nth] = draft
    return [
        check(event, principal, received_at) if outcome is None else outcome
        for event, outcome in zip(events, outcomes, strict=True)
    ]


def _groups(events: Sequence[Event | Rejection], principal: Principal) -> Mapping[_NAMES, list[int]]:
    """Places of the events of each shape. Who may name the actor is looked at one by one."""
    groups: dict[_NAMES, list[int]] = {}
    if len(events) < _FEW or names_actor(principal):
        return groups
    for nth, event in enumerate(events):
        if type(event) is dict and type(event_type := event.get("event_type")) is str:
            groups.setdefault((event_type, *event), []).append(nth)
    return groups


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
    return _Shape(tuple(judges), tuple(nth for nth, name in enumerate(names) if name in found.times))


def _good(one: Judge | None, column: Sequence[Any]) -> bool:
    """Whether a column holds. Values that are all the same are judged as one."""
    if one is None:
        return True
    kinds = set(map(type, column))
    if len(kinds) == 1 and column.count(column[0]) == len(column):
        column = column[:1]
    return one(column, kinds)


def _drafts(
    group: Sequence[Any],
    shape: _Shape,
    columns: Sequence[Sequence[Any]],
    principal: Principal,
    received_at: int,
) -> list[Draft]:
    stamped = {"source": principal.source, "received_at": received_at, "actor_id": principal.actor_id}
    drafts = []
    for event in group:
        shown = event["event_id"]
        event |= stamped
        event["event_id"] = shown.lower()
        drafts.append(Draft(event, {}, shown))
    earliest, latest_ms = received_at - PAST_MS, received_at + FUTURE_MS
    if any(min(columns[nth]) < earliest or max(columns[nth]) > latest_ms for nth in shape.times):
        times = rules()[group[0]["event_type"]].times
        for draft in drafts:
            clamp(draft.event, times, received_at)
    return drafts
