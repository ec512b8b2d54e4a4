"""One HTTP query taken apart: is it an insert with data behind it, and where does the data begin?

Only inserts are taken apart here, and only far enough to find FORMAT or VALUES at the top level;
everything else is the engine's to parse.
"""

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    rb"""(?P<space>\s+|--[^\n]*|\#[!\ ][^\n]*|/\*.*?\*/)
    |(?P<quoted>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<open>[(\[{])|(?P<close>[)\]}])
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_HEAD_LIMIT = 1 << 18
"""An insert's head is looked for in this many bytes: the engine's max_query_size."""


@dataclass(frozen=True, slots=True)
class Insert:
    """An insert whose rows come with the request. ``head`` ends before FORMAT or VALUES."""

    head: str
    format: str
    data: bytes


def insert_in(text: bytes) -> Insert | None:
    """The insert with data that this text is, or None: another statement, or INSERT ... SELECT."""
    depth, first = 0, True
    tokens = _TOKEN.finditer(text[:_HEAD_LIMIT])
    for token in tokens:
        kind, word = token.lastgroup, token.group().upper()
        if kind == "space":
            continue
        if first and word != b"INSERT":
            return None
        first = False
        depth += (kind == "open") - (kind == "close")
        if kind != "word" or depth:
            continue
        if word in (b"SELECT", b"WITH", b"INFILE"):
            return None
        if word == b"VALUES":
            return Insert(text[: token.start()].decode(), "Values", text[token.end() :])
        if word == b"FORMAT":
            return _formatted(text, token.start(), token.end())
    return None


def _formatted(text: bytes, head_end: int, after: int) -> Insert | None:
    found = re.compile(rb"\s+([A-Za-z][A-Za-z0-9]*)(?:[ \t\r]*;)?(?:[ \t\r]*\n|\s|$)").match(text, after)
    if found is None:
        return None
    return Insert(text[:head_end].decode(), found[1].decode(), text[found.end() :])
