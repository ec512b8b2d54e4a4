"""Bring a ClickHouse server's tables up to date, for one generation.

Migrations are the numbered files of this folder, applied in order, each once for a generation; what
was applied is in the table `migrations`, with a digest, so that a file changed afterwards is told.
Templated are the database and the generation's number, both validated, and nothing else.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import Any

import orjson

_NUMBERED = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_LEDGER = """CREATE TABLE IF NOT EXISTS ${database}.migrations
(
    generation UInt32 COMMENT 'The generation it was applied to.',
    name String COMMENT 'The file.',
    sha256 FixedString(64) COMMENT 'Digest of the file as applied.',
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When.'
)
ENGINE = ReplacingMergeTree(applied_at) ORDER BY (generation, name)
COMMENT 'Which migrations were applied.'"""


class MigrationError(Exception):
    """A migration cannot be applied; the message says which, and why."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    name: str
    text: str

    @property
    def sha256(self) -> str:
        """The digest of the file."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All of them, in order."""
    found = [path for path in files("infra.clickhouse").iterdir() if _NUMBERED.fullmatch(path.name)]
    return [Migration(path.name, path.read_text("utf-8")) for path in sorted(found, key=lambda p: p.name)]


def migrate(client: Any, generation: int, database: str = "reelfold") -> list[str]:
    """Apply what is missing and answer the names applied; a second call applies nothing.

    ``client`` is clickhouse_connect's, allowed to create tables. The plain-named views are made when
    there are none yet; afterwards only `point_views` moves them. Raises MigrationError.
    """
    _check(generation, database)
    client.command(f"CREATE DATABASE IF NOT EXISTS {database} ENGINE = Atomic")
    client.command(Template(_LEDGER).substitute(database=database))
    done = _applied(client, generation, database) if _has_tables(client, generation, database) else {}
    missing = [one for one in migrations() if _is_missing(one, done)]
    for one in missing:
        _apply(client, one, generation, database)
    if not _has_views(client, database):
        point_views(client, generation, database)
    return [one.name for one in missing]


def point_views(client: Any, generation: int, database: str = "reelfold") -> None:
    """Let the plain names (events, video_views, ...) show this generation: the flip of a promotion."""
    _check(generation, database)
    for statement in statements(files("infra.clickhouse").joinpath("live_views.sql").read_text("utf-8")):
        client.command(Template(statement).substitute(database=database, g=generation))


def shown(client: Any, database: str = "reelfold") -> set[int]:
    """The generations that the plain names show: one, unless a flip was cut off in the middle."""
    found = client.query(
        "SELECT DISTINCT extract(create_table_query, '_g([0-9]+) FINAL') FROM system.tables"
        " WHERE database = {d:String} AND engine = 'View'",
        parameters={"d": database},
    )
    return {int(number) for (number,) in found.result_rows if number}


def statements(text: str) -> Iterator[str]:
    """The statements of a file, which end with a semicolon at a line's end; comment lines left out."""
    bare = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    for statement in bare.split(";\n"):
        if plain := statement.strip().removesuffix(";"):
            yield plain


def _check(generation: int, database: str) -> None:
    if not 1 <= generation < 1 << 32:
        raise MigrationError(f"generation {generation} is not a positive number of 32 bits")
    if not _IDENTIFIER.fullmatch(database):
        raise MigrationError(f"{database!r} is not a database name")


def _applied(client: Any, generation: int, database: str) -> dict[str, str]:
    found = client.query(
        f"SELECT name, toString(sha256) FROM {database}.migrations FINAL WHERE generation = {{g:UInt32}}",
        parameters={"g": generation},
    )
    return dict(found.result_rows)


def _is_missing(one: Migration, done: dict[str, str]) -> bool:
    if one.name in done and done[one.name] != one.sha256:
        raise MigrationError(f"{one.name} was changed after it was applied; write a new migration instead")
    return one.name not in done


def _apply(client: Any, one: Migration, generation: int, database: str) -> None:
    for statement in statements(one.text):
        try:
            client.command(Template(statement).substitute(database=database, g=generation))
        except Exception as error:
            raise MigrationError(f"{one.name} failed: {error}") from error
    done = {"generation": generation, "name": one.name, "sha256": one.sha256}
    client.raw_insert(
        f"{database}.migrations", list(done), orjson.dumps(done), {"async_insert": 0}, "JSONEachRow"
    )


def _has_tables(client: Any, generation: int, database: str) -> bool:
    """Whether the generation's position is there. Where the tables were dropped behind our back, what the
    ledger says of them is void: they are made anew, and the log is folded into them again."""
    found = client.command(
        "SELECT count() FROM system.tables WHERE database = {d:String} AND name = {t:String}",
        parameters={"d": database, "t": f"offsets_loaded_g{generation}"},
    )
    return int(found) > 0


def _has_views(client: Any, database: str) -> bool:
    found = client.command(
        "SELECT count() FROM system.tables WHERE database = {d:String} AND name = 'events'",
        parameters={"d": database},
    )
    return int(found) > 0
