"""ClickHouse's errors as its HTTP interface tells them: a code, a name, a text, a status."""

import re

_CODE = re.compile(r"Code:\s*(?P<code>\d+)\.")
_NAME = re.compile(r"\((?P<name>[A-Z][A-Z0-9_]+)\)\s*(?:\(version [^)]*\))?\s*$")
_WRAPPING = re.compile(r"^(?:Streaming insert (?:append|finish) failed: )+")
_NESTED = re.compile(r"^Code:\s*\d+\.\s*DB::Exception:\s*(?=Code:\s*\d+\.)")

BAD_REQUEST = (6, 26, 27, 32, 33, 36, 38, 41, 53, 62, 69, 70, 72, 117, 130, 131, 302, 320, 321, 408, 457)
NOT_FOUND = (16, 46, 47, 50, 56, 60, 63, 73, 75, 78, 81, 115, 137, 336)
STATUSES: dict[int, int] = {
    **dict.fromkeys(BAD_REQUEST, 400),
    **dict.fromkeys(NOT_FOUND, 404),
    48: 501,  # NOT_IMPLEMENTED
    159: 408,  # TIMEOUT_EXCEEDED
    192: 403,  # UNKNOWN_USER
    193: 403,  # WRONG_PASSWORD
    194: 401,  # REQUIRED_PASSWORD
    202: 503,  # TOO_MANY_SIMULTANEOUS_QUERIES
    223: 413,  # QUERY_IS_TOO_LARGE
    236: 503,  # ABORTED: the server is going down
    307: 413,  # TOO_MANY_BYTES
    497: 403,  # ACCESS_DENIED
    516: 403,  # AUTHENTICATION_FAILED
}
"""Statuses as in ClickHouse's exceptionCodeToHTTPStatus; any other code is 500."""


class ClickHouseError(Exception):
    """An error with ClickHouse's number and name; ``str`` is the body that clients parse."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {message} ({name})")
        self.code = code
        self.name = name

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return STATUSES.get(self.code, 500)


def from_engine(text: str) -> ClickHouseError:
    """What the engine raised, as an error with its code; 1001 (STD_EXCEPTION) where it told none."""
    plain = _WRAPPING.sub("", text.strip())
    while _NESTED.match(plain):
        plain = _NESTED.sub("", plain)
    code, name = _CODE.search(plain), _NAME.search(plain)
    error = ClickHouseError(
        int(code["code"]) if code else 1001, name["name"] if name else "STD_EXCEPTION", ""
    )
    error.args = (plain if code else f"Code: 1001. DB::Exception: {plain} (STD_EXCEPTION)",)
    return error
