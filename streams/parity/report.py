"""What a comparison of two generations found, as a fact for the log and as a document for machines."""

from dataclasses import dataclass, field
from typing import Any

from infra.kafka.ops_facts import Fact, made
from streams.folding.progress import Key
from streams.parity.clickhouse import TableSum
from streams.parity.keys import Sum
from streams.parity.redis import Differing

MOST_SHOWN = 20


@dataclass(slots=True)
class Report:
    """What a comparison found. ``held_ms``: how long folds may have stood still for it."""

    run_id: str
    left: int
    right: int
    vector: dict[Key, int]
    redis: dict[str, tuple[Sum | None, Sum | None]] = field(default_factory=dict)
    tables: dict[str, tuple[TableSum, TableSum]] = field(default_factory=dict)
    kinds: list[tuple[str, str, int, int]] = field(default_factory=list)
    settled: int = 0
    """Rollup rows' (video, day) that were not computed yet, and now are."""
    keys_differing: int = 0
    rows_differing: int = 0
    examples: list[Differing] = field(default_factory=list)
    held_ms: int = 0
    redis_ms: int = 0
    clickhouse_ms: int = 0

    @property
    def differing(self) -> int:
        return self.keys_differing + self.rows_differing

    @property
    def equal(self) -> bool:
        return self.differing == 0

    @property
    def keys(self) -> int:
        """Redis keys compared, of the first generation."""
        return sum(one.count for one, _ in self.redis.values() if one is not None)

    @property
    def rows(self) -> int:
        """ClickHouse rows compared, of the first generation."""
        return sum(one.rows for one, _ in self.tables.values())

    def fact(self, now_ms: int) -> Fact:
        """The parity.checked of this run."""
        total = sum(one.total for one, _ in self.redis.values() if one is not None)
        total += sum(one.total for one, _ in self.tables.values())
        return made(
            "parity.checked", self.run_id, now_ms,
            left=self.left, right=self.right, equal=self.equal,
            redis_keys=self.keys, clickhouse_rows=self.rows, differing=self.differing,
            examples=[one.name[:500] for one in self.examples], checksum=f"{total % (1 << 64):016x}",
            held_ms=self.held_ms, positions=[f"{t}:{p}:{at}" for (t, p), at in sorted(self.vector.items())],
        )  # fmt: skip


def document(report: Report) -> dict[str, Any]:
    """For machines."""
    return {
        "run_id": report.run_id,
        "left": report.left,
        "right": report.right,
        "equal": report.equal,
        "positions": {f"{topic}/{part}": at for (topic, part), at in sorted(report.vector.items())},
        "redis": {kind: [_sides(one) for one in pair] for kind, pair in report.redis.items()},
        "clickhouse": {name: [_sides(one) for one in pair] for name, pair in report.tables.items()},
        "events": [
            {"type": kind, "day": day, "left": left, "right": right}
            for kind, day, left, right in report.kinds
        ],
        "keys": report.keys,
        "rows": report.rows,
        "keys_differing": report.keys_differing,
        "rows_differing": report.rows_differing,
        "examples": [
            {"name": one.name, "left": one.left, "right": one.right} for one in report.examples[:MOST_SHOWN]
        ],
        "rollups_settled": report.settled,
        "held_ms": report.held_ms,
        "redis_ms": report.redis_ms,
        "clickhouse_ms": report.clickhouse_ms,
    }


def _sides(one: Sum | TableSum | None) -> dict[str, Any] | None:
    if one is None:
        return None
    count = one.count if isinstance(one, Sum) else one.rows
    return {"count": count, "xor": f"{one.xor:016x}", "sum": f"{one.total:016x}"}
