"""Where an insert's data begins."""

import pytest

from infra.clickhouse_server.errors import from_engine
from infra.clickhouse_server.judge import output_format
from infra.clickhouse_server.statement import Insert, insert_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"INSERT INTO t FORMAT Native\n\x00\x01\n", Insert("INSERT INTO t ", "Native", b"\x00\x01\n")),
        (b"insert into t (`a b`, c) format CSV\n1,2", Insert("insert into t (`a b`, c) ", "CSV", b"1,2")),
        (b"INSERT INTO t VALUES (1, 'x')", Insert("INSERT INTO t ", "Values", b" (1, 'x')")),
        (b"INSERT INTO `FORMAT x` VALUES(1)", Insert("INSERT INTO `FORMAT x` ", "Values", b"(1)")),
        (b"-- why\nINSERT INTO t FORMAT TSV", Insert("-- why\nINSERT INTO t ", "TSV", b"")),
        (b"INSERT INTO t SETTINGS a = 1 FORMAT TSV 1", Insert("INSERT INTO t SETTINGS a = 1 ", "TSV", b"1")),
        (b"INSERT INTO t SELECT 1 FORMAT TSV", None),
        (b"INSERT INTO t WITH 1 AS x SELECT x", None),
        (b"SELECT 'INSERT INTO t FORMAT Native'", None),
        (b"", None),
    ],
)
def test_an_insert_is_taken_apart(text: bytes, expected: Insert | None) -> None:
    assert insert_in(text) == expected


@pytest.mark.parametrize(
    ("canonical", "expected"),
    [
        ("SELECT 1 FORMAT JSON", "JSON"),
        ("SELECT 1 FORMAT CSV SETTINGS max_threads = 1", "CSV"),
        ("SELECT 'x FORMAT JSON'", None),
        ("SELECT `FORMAT` FROM t", None),
    ],
)
def test_the_format_a_query_names(canonical: str, expected: str | None) -> None:
    assert output_format(canonical) == expected


def test_the_engines_errors_are_unwrapped() -> None:
    error = from_engine("Streaming insert finish failed: Code: 27. DB::Exception: no. (CANNOT_PARSE_INPUT)")
    assert (error.code, error.name, error.status) == (27, "CANNOT_PARSE_INPUT", 400)
    nested = from_engine("Code: 164. DB::Exception: Code: 164. DB::Exception: no. (READONLY)")
    assert str(nested) == "Code: 164. DB::Exception: no. (READONLY)"
    assert from_engine("something else").code == 1001
