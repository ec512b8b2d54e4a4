"""One server for the folder's tests: the embedded one, or what REELFOLD_CLICKHOUSE_URL names."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clickhouse_server.serving import Place, real_or_served

DATABASE = "reelfold_server_suite"


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with real_or_served(tmp_path_factory.mktemp("server")) as found:
        client = found.client()
        client.command(f"DROP DATABASE IF EXISTS {DATABASE} SYNC")
        client.command(f"CREATE DATABASE {DATABASE} ENGINE = Atomic")
        yield found
        client.command(f"DROP DATABASE IF EXISTS {DATABASE} SYNC")
        client.close()


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
