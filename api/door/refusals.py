"""What is answered before there is a request: problems as bytes, for who is not heard out."""

from collections.abc import Iterable

from api.problems import Problem, answer

_WHY = {
    400: ("malformed_request", "This is not HTTP/1.1."),
    408: ("slow_head", "The head of the request was not here in time."),
    431: ("head_too_large", "The head of a request is at most 64 KiB, in at most 100 headers."),
    503: ("unavailable", "There are too many connections. Send the same request again."),
}
_PHRASES = {
    400: "Bad Request",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


def _parts(status: int) -> tuple[bytes, bytes]:
    code, detail = _WHY[status]
    headers = {"Connection": "close"} | ({"Retry-After": "1"} if status == 503 else {})
    response = answer(Problem(status, code, detail, headers=headers))
    head = b"".join(b"%s: %s\r\n" % one for one in response.raw_headers)
    return b"HTTP/1.1 %d %s\r\n" % (status, _PHRASES[status].encode()), head + b"\r\n" + bytes(response.body)


_PARTS = {status: _parts(status) for status in _WHY}


def refusal(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The whole answer; ``headers``: what the server says with each of its answers (the date)."""
    first, rest = _PARTS[status]
    return first + b"".join(b"%s: %s\r\n" % one for one in headers) + rest
