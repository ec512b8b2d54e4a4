"""An HTTP request as ClickHouse reads it: where the query, its data, parameters and settings stand."""

import base64
import binascii
import email.parser
import email.policy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from infra.clickhouse_server.errors import ClickHouseError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TRANSPORT = frozenset(
    ["query", "database", "default_format", "user", "password", "query_id", "quota_key", "role"]
    + ["session_id", "session_timeout", "session_check", "wait_end_of_query", "buffer_size"]
    + ["compress", "decompress", "enable_http_compression", "http_zlib_compression_level"]
    + ["send_progress_in_http_headers", "http_headers_progress_interval_ms", "add_http_cors_header"]
    + ["cancel_http_readonly_queries_on_client_close", "client_protocol_version"]
)
"""URL parameters that are not the engine's settings. Sessions are not kept: each request is alone."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked. ``query`` is the whole text, an insert's data behind it."""

    query: bytes
    user: str
    password: str
    database: str
    default_format: str
    query_id: str
    settings: Mapping[str, str]
    parameters: Mapping[str, str]
    compressed: bool
    read_only: bool


def read(method: str, raw_query: bytes, headers: Mapping[str, str], body: bytes) -> Request:
    """The request; raises ClickHouseError for what cannot be understood."""
    url = dict(parse_qsl(raw_query.decode("utf-8", "replace"), keep_blank_values=True))
    if headers.get("content-type", "").startswith("multipart/form-data"):
        url |= _form(headers["content-type"], body)
        body = b""
    if url.get("decompress") == "1" or url.get("compress") == "1":
        raise ClickHouseError(48, "NOT_IMPLEMENTED", "Use Content-Encoding instead of compress/decompress.")
    user, password = _credentials(url, headers)
    return Request(
        query=_joined(url.get("query", ""), body),
        user=user,
        password=password,
        database=url.get("database") or headers.get("x-clickhouse-database", ""),
        default_format=url.get("default_format") or headers.get("x-clickhouse-format", "") or "TabSeparated",
        query_id=url.get("query_id", ""),
        settings={_checked(name): text for name, text in url.items() if _is_setting(name)},
        parameters={name[6:]: text for name, text in url.items() if name.startswith("param_")},
        compressed=url.get("enable_http_compression") == "1",
        read_only=method in ("GET", "HEAD"),
    )


def _joined(query: str, body: bytes) -> bytes:
    """As ClickHouse joins them: the URL's text, a line break, the body."""
    return query.encode() + b"\n" + body if query and body else query.encode() or body


def _is_setting(name: str) -> bool:
    return name not in _TRANSPORT and not name.startswith("param_")


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ClickHouseError(115, "UNKNOWN_SETTING", f"Unknown setting {name!r}")
    return name


def _credentials(url: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str]:
    """Name and password: of the headers, of Basic authorization, or of the URL."""
    if "x-clickhouse-user" in headers:
        return headers["x-clickhouse-user"], headers.get("x-clickhouse-key", "")
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(token, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise ClickHouseError(516, "AUTHENTICATION_FAILED", "Invalid HTTP Basic credentials") from None
        return name, password
    return url.get("user", "default"), url.get("password", "")


def _form(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of a form; raises ClickHouseError 48 for a file (an external table)."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    fields: dict[str, str] = {}
    for part in message.iter_parts():
        if part.get_filename() is not None:
            raise ClickHouseError(48, "NOT_IMPLEMENTED", "External tables are not supported.")
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        fields[str(name)] = content.decode() if isinstance(content, bytes) else ""
    return fields
