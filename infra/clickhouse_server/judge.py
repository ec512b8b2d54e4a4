"""What goes past the engine's own `readonly`, and is refused here.

The engine first parses the query and prints it in its canonical form (`formatQuerySingleLine`: one
statement, no comments, no heredocs), and only that text is judged and run: nothing hides behind a
spelling. Left to judge are three things that the embedded engine allows a read-only session: the
scalar function `file` and the functions that call out, INTO OUTFILE, and killing others' queries.
"""

import re

from infra.clickhouse_server.errors import ClickHouseError

_READS = frozenset(["select", "with", "show", "describe", "desc", "explain", "exists"])
_REACHING = frozenset(
    ["file", "catboostevaluate", "reversednsquery", "getclienthttpheader", "showcertificate", "aiclassify"]
    + ["aiembed", "aiextract", "aifilter", "aigenerate", "airedact", "aisimilarity", "aitranslate"]
)
"""Functions that read the disk or call out. Refused as a word anywhere outside a string, because
`APPLY(file)` calls a function without writing the parenthesis behind it."""
_TOKEN = re.compile(
    r"'(?:[^'\\]|\\.)*'|(?P<quoted>[`\"])(?P<name>(?:[^`\"\\]|\\.)*)(?P=quoted)|(?P<word>\w+)|(?P<sign>\S)",
    re.DOTALL,
)


def _words(canonical: str) -> list[str]:
    """Words and signs, lower case; string literals left out, quoted names without their quotes."""
    found = []
    for token in _TOKEN.finditer(canonical):
        if token.lastgroup is not None:
            found.append((token["name"] or token["word"] or token["sign"] or "").lower())
    return found


def output_format(canonical: str) -> str | None:
    """The format that a query names itself, or None."""
    bare = re.sub(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`", "''", canonical)
    found = re.findall(r"\bFORMAT (\w+)(?: SETTINGS .*)?$", bare, re.DOTALL)
    return found[-1] if found else None


def refuse_files(canonical: str) -> None:
    """No one writes files on the server's disk; as on the real server."""
    bare = re.sub(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`", "''", canonical)
    if re.search(r"\bINTO OUTFILE\b", bare, re.IGNORECASE):
        raise ClickHouseError(1, "UNSUPPORTED_METHOD", "INTO OUTFILE is not allowed")


def hold_reader(canonical: str) -> None:
    """Raise ClickHouseError unless this is a question that stays inside the database."""
    words = _words(canonical)
    opening = next((word for word in words if word != "("), "")
    if opening not in _READS:
        raise ClickHouseError(164, "READONLY", "Cannot execute query in readonly mode.")
    if reaching := _REACHING.intersection(words):
        raise ClickHouseError(497, "ACCESS_DENIED", f"Not enough privileges for: {', '.join(reaching)}.")
