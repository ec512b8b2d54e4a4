"""The folder's tests share a database of their own on the session's server."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clickhouse_server.serving import Place, database

DATABASE = "reelfold_server_suite"


@pytest.fixture(scope="session")
def place(clickhouse: Place) -> Iterator[Place]:
    with database(clickhouse, DATABASE) as client:
        client.command(f"CREATE DATABASE {DATABASE} ENGINE = Atomic")
        yield clickhouse


@pytest.fixture
def client(place: Place) -> Iterator[Any]:
    client = place.client(database=DATABASE)
    yield client
    client.close()


@pytest.fixture
def analyst(place: Place) -> Iterator[Any]:
    client = place.client(place.reader, database=DATABASE)
    yield client
    client.close()


@pytest.fixture
def table(client: Any) -> str:
    """An empty table (number, name, at)."""
    client.command(
        "CREATE OR REPLACE TABLE things (number UInt64, name String, at DateTime64(3, 'UTC'))"
        " ENGINE = MergeTree ORDER BY number"
    )
    return "things"
