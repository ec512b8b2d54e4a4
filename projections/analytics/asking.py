"""Questions to ClickHouse, and what its errors mean: wait, or a bug."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from urllib3.exceptions import HTTPError

from projections.analytics.queries import Query
from projections.position import StoreUnavailable

PASSING = frozenset([159, 202, 209, 210, 236, 241, 242, 243, 252, 319, 425, 439, 999])
"""Errors that go away by waiting: timeouts, too many queries or parts, no memory, a server going down."""
MISSING = frozenset([60, 81])
"""No such table, no such database."""


@contextmanager
def answering() -> Iterator[None]:
    """StoreUnavailable for what waiting mends; the rest is a bug and goes on as it is."""
    try:
        yield
    except (OperationalError, HTTPError, ConnectionError, TimeoutError) as error:
        raise StoreUnavailable(f"ClickHouse does not answer: {error}") from error
    except DatabaseError as error:
        if error.code in PASSING:
            raise StoreUnavailable(f"ClickHouse cannot serve now: {error}") from error
        raise


@contextmanager
def writing() -> Iterator[None]:
    """The same for a fold: its tables were made before it began, so that they are missing is a loss of data,
    which is waited out: `reelfold recover` makes them anew."""
    try:
        with answering():
            yield
    except DatabaseError as error:
        if error.code in MISSING:
            raise StoreUnavailable(f"ClickHouse lost tables; run `reelfold recover`: {error}") from error
        raise


def ask(client: Any, query: Query) -> list[tuple[Any, ...]]:
    """The rows of an answer. Raises StoreUnavailable."""
    with answering():
        found = client.query(query.sql, parameters=dict(query.parameters))
        return list(found.result_rows)
