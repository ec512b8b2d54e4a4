"""What a field of a schema allows, asked of many values at once.

The bounds are those from which schemas.generate makes the models (format, lengths, least and greatest); a
law holds both equal. A judge that says no only says that not all is plainly good.
"""

from collections.abc import Callable, Mapping, Set
from string import ascii_letters, digits, hexdigits
from typing import Any

from schemas.same_shape import Column

Judge = Callable[[Column, Set[type]], bool]
"""Whether all values are good; with the types that are among them."""
_ID = f"{ascii_letters}{digits}._:@-".encode()
_USERNAME = f"{ascii_letters}{digits}_.".encode()
_UUID = f"{hexdigits}-".encode()
_DASHES = (8, 13, 18, 23)
_NONE, _TEXT, _LIST, _FLAG = {type(None)}, {str}, {list}, {bool}
_LIMITS = {"int": 2**31 - 1, "long": 2**63 - 1}


def judge(field: Mapping[str, Any]) -> Judge | None:
    """The judge of a field; None for what is not judged in columns (records)."""
    kind = field["type"]
    if not isinstance(kind, list):
        return _plain(kind, field)
    (inner,) = [branch for branch in kind if branch != "null"]
    found = _plain(inner, field)
    return found and _nullable(found)


def _plain(kind: Any, field: Mapping[str, Any]) -> Judge | None:
    name = kind["type"] if isinstance(kind, dict) else kind
    if name == "string":
        return _text(field.get("minLength", 0), field.get("maxLength", 1 << 30), field.get("format"))
    if name in _LIMITS:
        limit = _LIMITS[name]
        return _number(int, field.get("minimum", -limit - 1), field.get("maximum", limit))
    if name == "double":
        return _number(float, field.get("minimum", float("-inf")), field.get("maximum", float("inf")))
    if name == "boolean":
        return lambda column, kinds: kinds == _FLAG
    if name == "enum":
        symbols = frozenset(kind["symbols"])
        return lambda column, kinds: kinds == _TEXT and symbols.issuperset(column)
    if name == "array" and kind["items"] == "string":
        return _texts(field.get("maxItems", 1 << 30), field.get("itemMaxLength", 1 << 30))
    return None


def _nullable(inner: Judge) -> Judge:
    def good(column: Column, kinds: Set[type]) -> bool:
        if kinds.isdisjoint(_NONE):
            return inner(column, kinds)
        there = [value for value in column if value is not None]
        return not there or inner(there, kinds - _NONE)

    return good


def _text(least: int, most: int, spelling: str | None) -> Judge:
    spelt = _SPELLINGS[spelling]

    def good(column: Column, kinds: Set[type]) -> bool:
        if kinds != _TEXT:
            return False
        sizes = [*map(len, column)]
        return least <= min(sizes) and max(sizes) <= most and spelt(column)

    return good


def _number(kind: type, least: float, most: float) -> Judge:
    kinds_wanted = {kind}
    return lambda column, kinds: kinds == kinds_wanted and least <= min(column) and max(column) <= most


def _texts(most: int, longest: int) -> Judge:
    def good(column: Column, kinds: Set[type]) -> bool:
        return kinds == _LIST and all(
            len(items) <= most and all(type(item) is str and len(item) <= longest for item in items)
            for items in column
        )

    return good


def _any(column: Column) -> bool:
    return True


def _id(column: Column) -> bool:
    """^[A-Za-z0-9][A-Za-z0-9._:@-]*$"""
    first = "".join([text[:1] for text in column])
    return len(first) == len(column) and _only(_ID, column) and first.isalnum()


def _username(column: Column) -> bool:
    """^[A-Za-z0-9_.]+$"""
    return all(column) and _only(_USERNAME, column)


def _uuid(column: Column) -> bool:
    """^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"""
    if set(map(len, column)) != {36} or not _only(_UUID, column):
        return False
    joined, dashes = "".join(column), "-" * len(column)
    return joined.count("-") == 4 * len(column) and all(joined[at::36] == dashes for at in _DASHES)


def _only(letters: bytes, column: Column) -> bool:
    joined = "".join(column)
    return joined.isascii() and not joined.encode().translate(None, letters)


_SPELLINGS: Mapping[str | None, Callable[[Column], bool]] = {
    None: _any,
    "id": _id,
    "username": _username,
    "uuid": _uuid,
}
