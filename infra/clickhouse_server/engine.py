"""The engine: one chDB per process and folder, a fresh session for each request.

A session costs half a millisecond and is what the engine keeps settings in: the user's limits are set
first, then `readonly`, and from there on nothing in the query can take them off again.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chdb

from infra.clickhouse_server import judge
from infra.clickhouse_server.errors import ClickHouseError, from_engine
from infra.clickhouse_server.request import Request
from infra.clickhouse_server.statement import Insert, insert_in
from infra.clickhouse_server.users import User

_HARMLESS = re.compile(r"output_format_\w+|date_time_output_format|join_use_nulls|session_timezone|extremes")
"""Settings that a read-only user may choose: they shape the answer and cost nothing."""
_AS_A_SERVER = {"implicit_select": "0"}
"""Where the embedded engine's defaults differ from the server's."""
_READING = re.compile(
    rb"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(?:SELECT|WITH|SHOW|DESC|EXPLAIN|EXISTS)", re.I | re.S
)
OTHER_OWNER = "the data folder {path} is in use by another server process"


@dataclass(frozen=True, slots=True)
class Answer:
    """A result: its bytes, their format, and what was read and written."""

    body: bytes
    format: str
    summary: Mapping[str, str]


_connect: Callable[[str], Any] = chdb.connect


class FolderInUse(Exception):
    """Another process owns the data folder."""


class Engine:
    """The embedded engine over one folder. Threads may call `run` at once; writes take turns."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._path = str(path.resolve())
        self._writing = threading.Lock()
        try:
            # Held until `close`: the engine lives as long as its last connection.
            self._keeper = _connect(self._path)
        except RuntimeError as error:
            raise FolderInUse(OTHER_OWNER.format(path=path)) from error

    def close(self) -> None:
        """Let the running write finish, then shut the engine down."""
        with self._writing:
            self._keeper.close()

    def run(self, request: Request, user: User) -> Answer:
        """Answer a request as this user; raises ClickHouseError."""
        started = time.perf_counter_ns()
        insert = insert_in(request.query)
        with self._session(request, user) as session:
            if insert is not None:
                written = self._insert(session, insert)
                return Answer(b"", "", _summary(started, written=written))
            return self._ask(session, request, user, started)

    @contextmanager
    def _session(self, request: Request, user: User) -> Iterator[Any]:
        session = _connect(self._path)
        try:
            self._prepare(session, request, user)
            yield session
        except (RuntimeError, chdb.ChdbError) as error:
            raise from_engine(str(error)) from error
        finally:
            session.close()

    def _prepare(self, session: Any, request: Request, user: User) -> None:
        """Database and settings, the lock last. An analyst's own settings meet the lock, and fail."""
        if request.database:
            session.query(f"USE {_quoted(request.database, '`')}")
        free = {k: v for k, v in request.settings.items() if user.writes or _HARMLESS.fullmatch(k)}
        _set(session, {**_AS_A_SERVER, **user.settings, **free})
        if not user.writes:
            _set(session, {"readonly": "1"})
        elif request.read_only:
            _set(session, {"readonly": "2"})
        _set(session, {k: v for k, v in request.settings.items() if k not in free})

    def _insert(self, session: Any, insert: Insert) -> int:
        with self._writing, session.send_insert(insert.head, insert.format) as stream:
            if insert.data:
                stream.append(insert.data)
            return int(stream.finish().rows_written)

    def _ask(self, session: Any, request: Request, user: User, started: int) -> Answer:
        text = request.query.decode("utf-8", "replace")
        canonical = _canonical(session, text)
        judge.refuse_files(canonical)
        if not user.writes:
            judge.hold_reader(canonical)
        asked = judge.output_format(canonical) or request.default_format
        if _READING.match(canonical.encode()):
            result = session.query(canonical, asked, params=dict(request.parameters))
        else:
            with self._writing:
                result = session.query(text, asked, params=dict(request.parameters))
        return Answer(result.bytes() or b"", asked, _summary(started, result))


def _canonical(session: Any, text: str) -> str:
    """The one statement in the engine's own spelling; raises its syntax error."""
    if not text.strip():
        raise ClickHouseError(62, "SYNTAX_ERROR", "Empty query")
    escaped = text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    found = session.query(
        "SELECT formatQuerySingleLine({text:String}) FORMAT RawBLOB", "RawBLOB", params={"text": escaped}
    )
    return str(found.bytes().decode())


def _set(session: Any, settings: Mapping[str, str]) -> None:
    if settings:
        session.query("SET " + ", ".join(f"{name} = {_quoted(text)}" for name, text in settings.items()))


def _quoted(text: str, quote: str = "'") -> str:
    return quote + text.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote


def _summary(started: int, result: Any = None, written: int = 0) -> Mapping[str, str]:
    """The fields of X-ClickHouse-Summary."""
    read = (result.rows_read(), result.bytes_read()) if result is not None else (0, 0)
    storage = (result.storage_rows_read(), result.storage_bytes_read()) if result is not None else (0, 0)
    return {
        "read_rows": str(storage[0]),
        "read_bytes": str(storage[1]),
        "written_rows": str(written),
        "written_bytes": "0",
        "total_rows_to_read": str(storage[0]),
        "result_rows": str(written or read[0]),
        "result_bytes": str(read[1]),
        "elapsed_ns": str(time.perf_counter_ns() - started),
    }
