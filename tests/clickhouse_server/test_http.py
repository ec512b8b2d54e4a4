"""What curl needs of a server: plain HTTP, as ClickHouse's documentation shows it."""

import gzip
import json
import shutil
import subprocess

import httpx
import pytest

from tests.clickhouse_server.conftest import DATABASE
from tests.clickhouse_server.serving import Place

pytestmark = pytest.mark.servers


def ask(place: Place, sql: str = "", body: bytes = b"", **options: object) -> httpx.Response:
    """A POST as the writer; options are URL parameters."""
    query = {"query": sql} if sql else {}
    parameters = query | {name: str(value) for name, value in options.items()}
    return httpx.post(place.url, params=parameters, content=body, auth=place.writer)


def test_ping_needs_no_password(place: Place) -> None:
    answer = httpx.get(f"{place.url}/ping")
    assert (answer.status_code, answer.text) == (200, "Ok.\n")


def test_the_query_stands_in_the_url_or_in_the_body(place: Place) -> None:
    assert ask(place, "SELECT 1").text == ask(place, body=b"SELECT 1").text == "1\n"
    assert httpx.get(place.url, params={"query": "SELECT 2"}, auth=place.writer).text == "2\n"


@pytest.mark.parametrize("way", ["headers", "basic", "url"])
def test_three_ways_to_say_who(place: Place, way: str) -> None:
    name, password = place.reader
    sql = {"query": "SELECT 1"}
    answers = {
        "headers": lambda: httpx.get(
            place.url, params=sql, headers={"X-ClickHouse-User": name, "X-ClickHouse-Key": password}
        ),
        "basic": lambda: httpx.get(place.url, params=sql, auth=(name, password)),
        "url": lambda: httpx.get(place.url, params=sql | {"user": name, "password": password}),
    }
    assert answers[way]().text == "1\n"


def test_refused_at_the_door(place: Place) -> None:
    wrong = httpx.get(place.url, params={"query": "SELECT 1", "user": "nobody", "password": "x"})
    assert wrong.status_code == 403
    assert wrong.headers["X-ClickHouse-Exception-Code"] == "516"
    assert wrong.text.startswith("Code: 516. DB::Exception: ")
    assert "AUTHENTICATION_FAILED" in wrong.text


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [("SELECT * FROM nowhere.t", 404, "81"), ("SELECT * FROM t", 404, "60"), ("SELEC", 400, "62")],
)
def test_statuses_of_errors(place: Place, sql: str, status: int, code: str) -> None:
    answer = ask(place, sql, database=DATABASE)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, code)
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")


def test_unknown_settings_and_databases_are_told(place: Place) -> None:
    assert ask(place, "SELECT 1", nonsense=1).headers["X-ClickHouse-Exception-Code"] == "115"
    assert ask(place, "SELECT 1", database="nowhere").headers["X-ClickHouse-Exception-Code"] == "81"


def test_formats(place: Place) -> None:
    said = ask(place, "SELECT 1 AS one FORMAT JSONEachRow", default_format="CSV")
    assert (said.headers["X-ClickHouse-Format"], json.loads(said.text)) == ("JSONEachRow", {"one": 1})
    fallback = ask(place, "SELECT 1, 'FORMAT CSV'", default_format="JSONCompact")
    assert fallback.json()["data"] == [[1, "FORMAT CSV"]]
    assert fallback.headers["X-ClickHouse-Format"] == "JSONCompact"


def test_headers_tell_the_query_and_what_it_cost(place: Place) -> None:
    answer = ask(place, "SELECT count() FROM numbers(1000)", query_id="my-query")
    assert answer.headers["X-ClickHouse-Query-Id"] == "my-query"
    assert int(json.loads(answer.headers["X-ClickHouse-Summary"])["read_rows"]) == 1_000


def test_inserting_with_the_statement_in_the_url(place: Place, table: str) -> None:
    rows = b"".join(b'{"number": %d, "name": "x"}\n' % number for number in range(1_000))
    sent = ask(place, f"INSERT INTO {table} FORMAT JSONEachRow", rows, database=DATABASE)
    assert sent.status_code == 200
    assert ask(place, f"SELECT count() FROM {table}", database=DATABASE).text == "1000\n"


def test_a_chunked_and_compressed_body(place: Place, table: str) -> None:
    packed = gzip.compress(b"1\tone\n2\ttwo\n")
    sent = httpx.post(
        place.url,
        params={"query": f"INSERT INTO {table} (number, name) FORMAT TSV", "database": DATABASE},
        content=(packed[i : i + 5] for i in range(0, len(packed), 5)),
        headers={"Content-Encoding": "gzip"},
        auth=place.writer,
    )
    assert sent.status_code == 200
    assert ask(place, f"SELECT name FROM {table} ORDER BY 1", database=DATABASE).text == "one\ntwo\n"


def test_a_damaged_body_is_refused(place: Place) -> None:
    sent = httpx.post(place.url, content=b"no gzip", headers={"Content-Encoding": "gzip"}, auth=place.writer)
    assert sent.status_code >= 400


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_answers_when_asked_for(place: Place, encoding: str) -> None:
    wanted = {"query": "SELECT repeat('x', 1000)", "enable_http_compression": "1"}
    answer = httpx.get(place.url, params=wanted, headers={"Accept-Encoding": encoding}, auth=place.writer)
    assert answer.headers["Content-Encoding"] == encoding
    assert answer.text == "x" * 1_000 + "\n"
    assert int(answer.headers["Content-Length"]) < 200


def test_get_does_not_write(place: Place, table: str) -> None:
    sql = {"query": f"INSERT INTO {table} (number) SELECT 1", "database": DATABASE}
    answer = httpx.get(place.url, params=sql, auth=place.writer)
    assert answer.headers["X-ClickHouse-Exception-Code"] == "164"


def test_curl_with_a_large_body(place: Place, table: str) -> None:
    """Past 1 MiB curl sends Expect: 100-continue."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.fail("curl is part of the tools that the README names")
    url = f"{place.url}/?database={DATABASE}&query=INSERT%20INTO%20{table}%20(number)%20FORMAT%20TSV"
    rows = b"".join(b"%d\n" % number for number in range(300_000))
    command = [curl, "-sS", "--fail-with-body", "-u", ":".join(place.writer), "--data-binary", "@-", url]
    subprocess.run(command, input=rows, check=True, timeout=30)
    assert ask(place, f"SELECT count() FROM {table}", database=DATABASE).text == "300000\n"
