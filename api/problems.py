"""Refusals as application/problem+json (RFC 9457), and which error is which status.

A `Problem` is raised anywhere in a route. Everything else that a route lets through is in the table
below or a bug, which is answered 500 without a trace of its inside.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from infra.access.keyring import KeyringUnavailable
from infra.kafka.publisher import LogUnavailable
from projections.position import StoreUnavailable

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
_TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Request too slow",
    409: "Conflict",
    410: "Gone",
    413: "Too large",
    415: "Unsupported media type",
    422: "Unprocessable content",
    429: "Too many requests",
    500: "Internal error",
    503: "Unavailable",
}


_FRAMEWORKS = {400: "malformed_body", 404: "no_such_route", 405: "method_not_allowed"}
"""Codes of what the framework refuses by itself."""


class Problem(HTTPException):
    """A refusal: status, a stable snake_case code, and a sentence for the developer who reads it.

    ``more`` are further members of the body; ``headers`` go with the answer. An HTTPException, because
    the framework lets those alone through where it reads a body.
    """

    def __init__(
        self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.code = code
        self.more = more


def not_found(what: str) -> Problem:
    """404 for a thing that is not there, or not there for this caller."""
    return Problem(404, "not_found", f"There is no such {what}.")


def unavailable(what: str, retry_after_s: int = RETRY_AFTER_S) -> Problem:
    """503 with Retry-After: the same request may be sent again."""
    detail = f"The {what} does not answer in time. Send the same request again."
    return Problem(503, "unavailable", detail, headers={"Retry-After": str(retry_after_s)})


def within_rate(wait_ms: int) -> None:
    """Raise 429 with Retry-After when a bucket says to wait."""
    if wait_ms:
        seconds = -(-wait_ms // 1_000)
        detail = f"More than this caller may post; the bucket is filled again in {seconds} s."
        raise Problem(429, "rate_limited", detail, headers={"Retry-After": str(seconds)})


def answer(problem: Problem) -> Response:
    """The HTTP response of a problem."""
    body = {
        "type": f"/problems/{problem.code}",
        "title": _TITLES.get(problem.status_code, "Error"),
        "status": problem.status_code,
        "code": problem.code,
        "detail": problem.detail,
        **problem.more,
    }
    return Response(orjson.dumps(body), problem.status_code, problem.headers, MEDIA_TYPE)


def _of_http(error: HTTPException) -> Problem:
    code = _FRAMEWORKS.get(error.status_code, "http_error")
    return Problem(error.status_code, code, f"{error.detail}.", headers=error.headers)


def _of_validation(error: RequestValidationError) -> Problem:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    in_body = first["loc"][0] == "body"
    return Problem(422 if in_body else 400, "invalid_parameter", f"{field}: {first['msg']}", field=field)


KINDS = (Problem, StoreUnavailable, LogUnavailable, KeyringUnavailable, RequestValidationError, HTTPException)
"""What is a refusal when a route lets it through."""


def refusal(error: Exception) -> Response:
    """The answer to one of KINDS; raises any other again."""
    match error:
        case Problem():
            return answer(error)
        case StoreUnavailable():
            return answer(unavailable("store"))
        case LogUnavailable():
            return answer(unavailable("event log"))
        case KeyringUnavailable():
            return answer(unavailable("keyring"))
        case RequestValidationError():
            return answer(_of_validation(error))
        case HTTPException():
            return answer(_of_http(error))
        case _:
            raise error


def install(app: FastAPI) -> None:
    """Give the application its error table."""

    async def problem(_: Request, error: Exception) -> Response:
        return refusal(error)

    for kind in KINDS:
        app.add_exception_handler(kind, problem)
