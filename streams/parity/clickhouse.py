"""What ClickHouse holds of a generation as numbers: per table a count and order-free checksums of its rows.

Every table of the generation is compared, each row once (FINAL), by all columns but those that say when
something was computed. Rows are summed in 256 parts by their sorting key, so that what differs is found
without reading it all again; nothing but sums and a few examples leaves the server.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from projections.analytics.asking import answering, ask
from projections.analytics.queries import Query, Tables
from projections.analytics.rollups import Due, Rollups

EXCLUDED: Mapping[str, str] = {
    "offsets_loaded": "how the log was cut into loads: compared as the position vector",
}
"""Tables that are no function of the log, and why."""
EXCLUDED_COLUMNS: Mapping[str, str] = {"computed_at": "when a rollup was computed"}
STANDING: Mapping[str, str] = {"video_hourly": "plays > 0", "creator_daily": "plays > 0"}
"""Rows that count: an hour that lost its views keeps a row of zeros, which no view shows."""
ROLLUPS = ("video_hourly", "creator_daily")
PARTS = 256
MOST_DUE = 10_000
"""Rollup rows that differ and are computed anew before they are said to differ."""
_NAME = re.compile(r"[a-z_]+")


@dataclass(frozen=True, slots=True)
class TableSum:
    """Of one table: its rows, the xor and the sum (modulo 2**64) of their hashes."""

    rows: int
    xor: int
    total: int


@dataclass(frozen=True, slots=True)
class Shape:
    """How a table is compared: its sorting key, and its columns as expressions that can be hashed."""

    name: str
    sorting_key: str
    columns: tuple[str, ...]

    def rows(self, tables: Tables) -> str:
        """SELECT of (key, part, hash) for every row that counts."""
        where = f"WHERE {STANDING[self.name]}" if self.name in STANDING else ""
        named = ", ".join(self.columns)
        return f"""
SELECT toString(tuple({self.sorting_key})) AS row_key, cityHash64(row_key) % {PARTS} AS part,
    cityHash64({named}) AS row_hash
FROM {tables.named(self.name)} FINAL {where}"""


class ClickHouseGenerations:
    """Two generations of one database. Every method may raise StoreUnavailable."""

    def __init__(self, client: Any, database: str, left: int, right: int) -> None:
        self._client = client
        self._sides = Tables(database, left), Tables(database, right)

    def shapes(self) -> list[Shape]:
        """The tables that both sides are compared by: those of the first."""
        tables = self._sides[0]
        found = self._rows(
            "SELECT name, sorting_key FROM system.tables WHERE database = {d:String}"
            " AND endsWith(name, {suffix:String}) ORDER BY name",
            d=tables.database, suffix=f"_g{tables.generation}",
        )  # fmt: skip
        shapes = []
        for full, sorting_key in found:
            name = str(full).removesuffix(f"_g{tables.generation}")
            if _NAME.fullmatch(name) and name not in EXCLUDED:
                shapes.append(Shape(name, str(sorting_key), self._columns(str(full))))
        return shapes

    def sums(self, shape: Shape) -> tuple[TableSum, TableSum, list[int]]:
        """Both sides' sums of a table, and the parts that differ."""
        left, right = (self._parts(shape, tables) for tables in self._sides)
        unlike = sorted(part for part in left.keys() | right.keys() if left.get(part) != right.get(part))
        return _together(left), _together(right), unlike

    def differing(self, shape: Shape, parts: list[int], most: int) -> tuple[int, list[str]]:
        """How many rows of these parts differ, and some of them by their sorting key."""
        left, right = (shape.rows(tables) for tables in self._sides)
        sql = f"""
SELECT row_key, groupArrayIf(row_hash, side = 1) AS l, groupArrayIf(row_hash, side = 2) AS r FROM
(
    SELECT row_key, row_hash, 1 AS side FROM ({left}) WHERE part IN {{parts:Array(UInt64)}}
    UNION ALL
    SELECT row_key, row_hash, 2 AS side FROM ({right}) WHERE part IN {{parts:Array(UInt64)}}
) GROUP BY row_key HAVING arraySort(l) != arraySort(r)"""
        [(number,)] = self._rows(f"SELECT count() FROM ({sql})", parts=parts)
        found = self._rows(f"SELECT row_key FROM ({sql}) ORDER BY row_key LIMIT {int(most)}", parts=parts)
        return int(number), [str(row) for (row,) in found]

    def values(self, shape: Shape, row_key: str) -> tuple[str | None, str | None]:
        """What both sides hold under a sorting key, for people."""
        left, right = (self._value(shape, tables, row_key) for tables in self._sides)
        return left, right

    def kinds(self) -> list[tuple[str, str, int, int]]:
        """(event type, day, events left, events right) for every kind and day that either side has."""
        left, right = (
            {
                (str(kind), str(day)): int(number)
                for kind, day, number in self._rows(
                    f"SELECT event_type, toDate(occurred_at), count() FROM {tables.named('events')} FINAL"
                    " GROUP BY 1, 2"
                )
            }
            for tables in self._sides
        )
        return [(*one, left.get(one, 0), right.get(one, 0)) for one in sorted(left.keys() | right.keys())]

    def settle(self, shapes: list[Shape]) -> int:
        """Compute rollup rows that differ anew, on both sides; how many (video, day) that were.

        Rollups follow the rows within seconds, beside the sink; a row that is not computed yet is no
        difference. They are a function of video_views, which is compared for itself.
        """
        due: Due = set()
        for shape in (one for one in shapes if one.name in ROLLUPS):
            *_, parts = self.sums(shape)
            if parts:
                _, keys = self.differing(shape, parts, MOST_DUE)
                due |= self._due(shape.name, keys)
        if due:
            for tables in self._sides:
                Rollups(lambda query: ask(self._client, query), tables, 0).settle_these(due)
        return len(due)

    def _due(self, name: str, keys: list[str]) -> Due:
        """The (video, day) that rows of a rollup hang on; a key is the text of a tuple."""
        column, when = ("video_id", "hour") if name == "video_hourly" else ("creator_id", "toDate(hour)")
        found: Due = set()
        for tables in self._sides:
            rows = self._rows(
                f"SELECT DISTINCT video_id, toString(toDate(hour)) FROM {tables.named('video_hourly')}"
                f" WHERE toString(tuple({column}, {when})) IN {{keys:Array(String)}}",
                keys=keys,
            )
            views = self._rows(
                f"SELECT DISTINCT video_id, toString(toDate(started_at)) FROM {tables.named('video_views')}"
                f" WHERE toString(tuple({column}, {_OF_VIEWS[when]})) IN {{keys:Array(String)}}",
                keys=keys,
            )
            found |= {(str(video), str(day)) for video, day in (*rows, *views)}
        return found

    def _parts(self, shape: Shape, tables: Tables) -> dict[int, TableSum]:
        found = self._rows(
            "SELECT part, count(), groupBitXor(row_hash), sum(row_hash)"
            f" FROM ({shape.rows(tables)}) GROUP BY part"
        )
        return {int(part): TableSum(int(rows), int(xor), int(total)) for part, rows, xor, total in found}

    def _value(self, shape: Shape, tables: Tables, row_key: str) -> str | None:
        named = ", ".join(f"toString({one})" for one in shape.columns)
        found = self._rows(
            f"SELECT concatWithSeparator(' | ', {named}) FROM {tables.named(shape.name)} FINAL"
            f" WHERE toString(tuple({shape.sorting_key})) = {{key:String}} LIMIT 1",
            key=row_key,
        )
        return str(found[0][0])[:400] if found else None

    def _columns(self, table: str) -> tuple[str, ...]:
        found = self._rows(
            "SELECT name, type FROM system.columns WHERE database = {d:String} AND table = {t:String}"
            " AND default_kind IN ('', 'DEFAULT') ORDER BY position",
            d=self._sides[0].database, t=table,
        )  # fmt: skip
        return tuple(
            f"finalizeAggregation(`{name}`)" if str(kind).startswith("AggregateFunction") else f"`{name}`"
            for name, kind in found
            if name not in EXCLUDED_COLUMNS
        )

    def _rows(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        with answering():
            return ask(self._client, Query(sql, parameters))


_OF_VIEWS = {"hour": "toDateTime(toStartOfHour(started_at), 'UTC')", "toDate(hour)": "toDate(started_at)"}


def _together(parts: Mapping[int, TableSum]) -> TableSum:
    xor = 0
    for one in parts.values():
        xor ^= one.xor
    rows, total = (sum(getattr(one, name) for one in parts.values()) for name in ("rows", "total"))
    return TableSum(rows, xor, total % (1 << 64))
