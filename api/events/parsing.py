"""Bytes -> the events in them, each an object of plain JSON or the reason why it is not one.

orjson reads the common body. What it is silent about (duplicate keys, NUL) or refuses as a whole
(NaN, infinity, lone surrogates) sends the body over the careful way, the standard library's parser,
which tells the one bad event from its neighbours.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from api.limits import MAX_DEPTH, MAX_EVENT, MAX_EVENTS
from api.problems import Problem

Event = dict[str, Any]
_KEY = re.compile(rb'"\s*:')
_NUL = b"\\u0000"
_OBJECTS = {dict}


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one event is not taken in: a stable code, the field at fault, a sentence."""

    code: str
    field: str | None
    detail: str
    event_id: str | None = None


class _Doubled(dict[str, Any]):
    """An object in which a key stood twice."""

    key = ""


_NOT_FINITE = object()


def events_in(body: bytes, lines: bool) -> Sequence[Event | Rejection]:
    """The events of a JSON array or of NDJSON; raises Problem (400, 413)."""
    events = _ndjson(body) if lines else _array(body)
    if not events:
        raise Problem(400, "no_events", "The body holds no event.")
    return [_sized(event) for event in events] if len(body) > MAX_EVENT else events


def _too_many(count: int) -> Problem:
    return Problem(413, "too_many_events", f"At most {MAX_EVENTS} events a request, here {count}.")


def _array(body: bytes) -> list[Event | Rejection]:
    try:
        parsed = orjson.loads(body)
        plain = _is_plain(body, parsed)
    except orjson.JSONDecodeError:
        parsed, plain = None, False
    if not plain:
        try:
            parsed = _careful(body)
        except ValueError as error:
            raise Problem(400, "malformed_json", f"The body is not JSON: {error}"[:200]) from None
    if not isinstance(parsed, list):
        raise Problem(400, "not_an_array", "The body is a JSON array of events, or NDJSON.")
    if len(parsed) > MAX_EVENTS:
        raise _too_many(len(parsed))
    return parsed if plain else [_checked(value) for value in parsed]


def _ndjson(body: bytes) -> list[Event | Rejection]:
    lines = [line for line in body.split(b"\n") if line.strip()]
    if len(lines) > MAX_EVENTS:
        raise _too_many(len(lines))
    return [_line(line) for line in lines]


def _line(line: bytes) -> Event | Rejection:
    try:
        parsed = orjson.loads(line)
        if _is_plain(line, [parsed]):
            event: Event = parsed
            return event
    except orjson.JSONDecodeError:
        pass  # the careful way says what is wrong
    try:
        return _checked(_careful(line))
    except ValueError as error:
        return Rejection("malformed_json", None, f"The line is not JSON: {error}"[:200])


def _is_plain(body: bytes, parsed: object) -> bool:
    """Whether all are flat objects without a doubled key or a NUL.

    Every key in the text is a quote and a colon, so fewer keys in the objects than such places in
    the text means a doubled key, an inner object, or text that looks like one: ask the careful way.
    Where there are no more colons than keys, nobody need look for the quotes.
    """
    if not isinstance(parsed, list) or _NUL in body or not set(map(type, parsed)) <= _OBJECTS:
        return False
    keys = sum(map(len, parsed))
    return keys == body.count(b":") or keys == len(_KEY.findall(body))


def _careful(body: bytes) -> Any:
    """Parse with the standard library, marking what is wrong; raises ValueError."""
    try:
        return json.loads(
            body.decode(), object_pairs_hook=_object, parse_constant=lambda _: _NOT_FINITE, parse_float=_float
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _object(pairs: list[tuple[str, Any]]) -> Event:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    doubled = _Doubled(made)
    seen: set[str] = set()
    doubled.key = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return doubled


def _float(text: str) -> Any:
    value = float(text)
    return value if math.isfinite(value) else _NOT_FINITE


def _checked(value: Any) -> Event | Rejection:
    if not isinstance(value, dict):
        return Rejection("not_an_object", None, "An event is a JSON object.")
    for key, inner in value.items():
        if _text_flaw(key):
            return _rejected(value, "bad_text", None, "A field name holds a NUL or half a character.")
        if flaw := _flaw(inner, 1):
            return _rejected(value, flaw[0], key, flaw[1])
    if isinstance(value, _Doubled):
        return _rejected(value, "duplicate_key", _shown(value.key), "The field stands twice.")
    return value


def _flaw(value: Any, depth: int) -> tuple[str, str] | None:
    if value is _NOT_FINITE:
        return "not_finite", "NaN and infinity are not numbers here."
    if isinstance(value, str):
        return _text_flaw(value)
    if not isinstance(value, (list, dict)):
        return None
    if depth >= MAX_DEPTH:
        return "too_deep", f"Nested deeper than {MAX_DEPTH}."
    if isinstance(value, _Doubled):
        return "duplicate_key", "A field stands twice in an inner object."
    inner = [*value, *value.values()] if isinstance(value, dict) else value
    return next((flaw for item in inner if (flaw := _flaw(item, depth + 1))), None)


def _text_flaw(text: str) -> tuple[str, str] | None:
    if "\0" in text:
        return "bad_text", "Text holds a NUL."
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        return "bad_text", "Text holds half of a surrogate pair."
    return None


def _sized(event: Event | Rejection) -> Event | Rejection:
    """The event, unless it is larger than one event may be."""
    if isinstance(event, Rejection):
        return event
    try:
        large = len(orjson.dumps(event)) > MAX_EVENT
    except orjson.JSONEncodeError:  # an integer beyond 64 bits: left to the validation
        large = len(repr(event)) > MAX_EVENT
    return (
        _rejected(event, "event_too_large", None, f"An event is at most {MAX_EVENT} bytes.")
        if large
        else event
    )


def _rejected(event: Event, code: str, field: str | None, detail: str) -> Rejection:
    return Rejection(code, _shown(field), detail, shown_id(event))


def _shown(field: str | None) -> str | None:
    return None if field is None else field[:64].encode("utf-8", "replace").decode()


def shown_id(event: Event) -> str | None:
    """The event's id as far as it can be echoed."""
    event_id = event.get("event_id")
    if not isinstance(event_id, str):
        return None
    shown = event_id[:64]
    return shown if shown.isascii() else shown.encode("utf-8", "replace").decode()
