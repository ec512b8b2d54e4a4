"""What clickhouse-connect needs of a server: ours, or any that REELFOLD_CLICKHOUSE_URL names."""

import threading
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.clickhouse_server.conftest import DATABASE
from tests.clickhouse_server.serving import Place

pytestmark = pytest.mark.servers
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_native_inserts_come_back(client: Any, table: str) -> None:
    rows = [[number, f"n{number}", NOON] for number in range(5_000)]
    summary = client.insert(table, rows, ["number", "name", "at"]).summary
    assert summary["written_rows"] == "5000"
    found = client.query(f"SELECT count(), max(number), min(at) FROM {table}").result_rows
    assert found == [(5_000, 4_999, NOON.replace(tzinfo=None))]


def test_arrow_inserts_and_answers(client: Any, table: str) -> None:
    frame = pl.DataFrame({"number": [1, 2], "name": ["a", "b"], "at": [NOON, NOON]})
    client.insert_arrow(table, frame.to_arrow(compat_level=pl.CompatLevel.oldest()))
    assert client.query_arrow(f"SELECT name FROM {table} ORDER BY number")["name"].to_pylist() == ["a", "b"]


@pytest.mark.parametrize("method", ["gzip", "zstd", "lz4", False])
def test_bodies_may_be_compressed(place: Place, table: str, method: Any) -> None:
    client = place.client(database=DATABASE, compress=method)
    client.insert(table, [[7, "x" * 10_000, NOON]], ["number", "name", "at"])
    assert client.query(f"SELECT length(name) FROM {table}").result_rows == [(10_000,)]
    client.close()


def test_parameters_are_bound_by_the_server(client: Any) -> None:
    awkward = "it's \\ a\ttab,\na line \N{SNOWMAN} {x:String}"
    found = client.query(
        "SELECT {text:String}, {many:Array(Int32)}, {number:Int64}, {none:Nullable(String)}",
        parameters={"text": awkward, "many": [1, -2], "number": -3, "none": None},
    )
    assert found.result_rows == [(awkward, [1, -2], -3, None)]


def test_long_parameters_travel_as_a_form(place: Place) -> None:
    client = place.client(form_encode_query_params=True)
    assert client.query("SELECT length({text:String})", parameters={"text": "x" * 60_000}).result_rows == [
        (60_000,)
    ]
    client.close()


def test_a_probe_for_columns(client: Any, table: str) -> None:
    assert client.query(f"SELECT * FROM {table} LIMIT 0").column_names == ("number", "name", "at")


def test_settings_reach_the_engine(client: Any) -> None:
    found = client.query("SELECT getSetting('max_block_size')", settings={"max_block_size": 123})
    assert found.result_rows == [(123,)]


@pytest.mark.parametrize(
    ("sql", "code", "name"),
    [
        ("SELECT * FROM nowhere", 60, "UNKNOWN_TABLE"),
        ("SELECT nothing FROM system.one", 47, "UNKNOWN_IDENTIFIER"),
        ("SELEC 1", 62, "SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", 62, "SYNTAX_ERROR"),
        ("SELECT nofunction(1)", 46, "UNKNOWN_FUNCTION"),
        ("SELECT throwIf(1)", 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
    ],
)
def test_errors_have_clickhouse_codes(client: Any, sql: str, code: int, name: str) -> None:
    with pytest.raises(DatabaseError) as failure:
        client.query(sql)
    assert (failure.value.code, failure.value.name) == (code, name)


def test_a_wrong_password_is_told(place: Place) -> None:
    with pytest.raises(DatabaseError) as failure:
        place.client((place.writer[0], "wrong"))
    assert failure.value.code == 516


def test_a_failed_insert_leaves_nothing(client: Any, table: str) -> None:
    with pytest.raises(DatabaseError):
        client.raw_insert(table, ["number"], "1\n2\nnot a number\n", fmt="TabSeparated")
    assert client.query(f"SELECT count() FROM {table}").result_rows == [(0,)]


def test_inserts_in_the_text_of_a_command(client: Any, table: str) -> None:
    client.command(f"INSERT INTO {table} (number, name) VALUES (1, 'a)(;'), (2, 'FORMAT Native')")
    client.command(f"INSERT INTO {table} (number) SELECT number + 10 FROM numbers(3)")
    client.command(f'INSERT INTO {table} FORMAT JSONEachRow {{"number": 20, "name": "\\u2603"}}')
    found = client.query(f"SELECT number, name FROM {table} ORDER BY number").result_rows
    assert found == [(1, "a)(;"), (2, "FORMAT Native"), (10, ""), (11, ""), (12, ""), (20, "\N{SNOWMAN}")]


def test_readers_beside_a_writer(place: Place, client: Any, table: str) -> None:
    """Every answer is a whole number of inserts."""
    done, seen, failures = threading.Event(), set(), []

    def read() -> None:
        reader = place.client(place.reader, database=DATABASE)
        try:
            while not done.is_set():
                seen.add(reader.query(f"SELECT count() FROM {table}").result_rows[0][0])
        except DatabaseError as error:
            failures.append(error)
        finally:
            reader.close()

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for start in range(10):
        client.insert(table, [[start * 100 + n, "x", NOON] for n in range(100)], ["number", "name", "at"])
    done.set()
    for reader in readers:
        reader.join()
    assert not failures
    assert all(number % 100 == 0 for number in seen)
    assert client.query(f"SELECT count() FROM {table}").result_rows == [(1_000,)]
