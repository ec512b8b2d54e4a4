"""The read-only user: what it may ask, and every way past the lock that we know of."""

from typing import Any

import httpx
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from infra.clickhouse_server.users import ANALYST_LIMITS
from tests.clickhouse_server.conftest import DATABASE
from tests.clickhouse_server.serving import Place

pytestmark = pytest.mark.servers
READONLY, DENIED = 164, 497

ALLOWED = [
    "SELECT count() FROM {table}",
    "SELECT 'drop table; into outfile; file(1)'",
    "WITH x AS (SELECT 1 AS one) SELECT one FROM x",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "/* a comment */ -- another\nSELECT 1",
    "SHOW TABLES",
    "DESCRIBE TABLE {table}",
    "EXPLAIN SELECT 1",
    "EXISTS TABLE {table}",
    "SHOW CREATE TABLE {table}",
    "SELECT number FROM numbers(3)",
    "SELECT name, comment FROM system.columns WHERE database = currentDatabase()",
]
REFUSED = [
    "INSERT INTO {table} (number) SELECT 1",
    "INSERT INTO {table} (number) VALUES (1)",
    "DROP TABLE {table}",
    "CREATE TABLE other (x Int8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE other (x Int8)",
    "ALTER TABLE {table} DELETE WHERE 1",
    "TRUNCATE TABLE {table}",
    "OPTIMIZE TABLE {table}",
    "SET readonly = 0",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS max_execution_time = 0",
    "KILL QUERY WHERE 1",
    "SYSTEM STOP MERGES",
    "SELECT 1; DROP TABLE {table}",
    "SELECT 1 INTO OUTFILE '/dev/shm/reelfold-out'",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM `file`('/etc/passwd', 'LineAsString')",
    "SELECT file('/etc/passwd')",
    "SELECT/**/file/**/('/etc/passwd')",
    "SELECT `file`('/etc/passwd')",
    'SELECT "file"($$/etc/passwd$$)',
    "SELECT * APPLY(file) FROM (SELECT '/etc/passwd')",
    "EXPLAIN SELECT file('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    "SELECT * FROM s3('http://127.0.0.1:1/bucket/key', 'CSV')",
    "SELECT * FROM remote('127.0.0.1:1', system.one)",
    "SELECT * FROM executable('ls', 'TSV', 'x String')",
    "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
    "SELECT * FROM sqlite('/etc/passwd', 'x')",
]


@pytest.mark.parametrize("sql", ALLOWED)
def test_questions_are_answered(place: Place, table: str, sql: str) -> None:
    answer = _ask(place, sql.format(table=table))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("sql", REFUSED)
def test_everything_else_is_refused(place: Place, client: Any, table: str, sql: str) -> None:
    client.command(f"INSERT INTO {table} (number) VALUES (42)")
    answer = _ask(place, sql.format(table=table))
    assert answer.status_code >= 400, answer.text
    assert "root:" not in answer.text
    assert client.query(f"SELECT number FROM {table}").result_rows == [(42,)]


@pytest.mark.parametrize(
    "name", ["readonly", "max_execution_time", "max_result_rows", "allow_ddl", "dialect"]
)
def test_limits_are_not_settings_of_the_url(place: Place, name: str) -> None:
    assert _ask(place, "SELECT 1", **{name: "0"}).status_code >= 400


def test_a_write_is_told_as_clickhouse_tells_it(analyst: Any, table: str) -> None:
    with pytest.raises(DatabaseError) as failure:
        analyst.insert(table, [[1]], ["number"])
    assert failure.value.code == READONLY


def test_an_answer_is_bounded(place: Place) -> None:
    answer = _ask(place, "SELECT number FROM numbers(2000000)")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "396"


def test_every_limit_holds(analyst: Any) -> None:
    for name, limit in ANALYST_LIMITS.items():
        [(found,)] = analyst.query(f"SELECT toString(getSetting('{name}'))").result_rows
        assert found == limit, name


def _ask(place: Place, sql: str, **options: str) -> httpx.Response:
    parameters = {"database": DATABASE, **options}
    return httpx.post(place.url, params=parameters, content=sql, auth=place.reader, timeout=40)
