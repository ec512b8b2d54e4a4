"""What ClickHouse holds of a town: its tables, asked over HTTP as the read-only analyst."""

from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from infra.chaos.oracle import State
from infra.chaos.waiting import CaseFailed
from infra.settings import Settings
from projections.analytics.runs import Run, chain

_OURS = "startsWith(actor_id, {town:String}) AND event_type != 'feed.served'"
_EVENTS = f"SELECT toString(event_id) AS id, count() AS n FROM events WHERE {_OURS} GROUP BY id"
_VIEWS = """SELECT view_id, count() AS n, max(watch_ms) AS ms FROM video_views
WHERE startsWith(viewer_id, {town:String}) GROUP BY view_id"""
_EDGES = """SELECT edge, src, dst, max(`on`) AS stands, count() AS n FROM edges
WHERE startsWith(src, {town:String}) AND edge IN ('like', 'follow') GROUP BY edge, src, dst"""
_IMPRESSIONS = """SELECT request_id, count() AS n, max(visible_ms) AS ms FROM impressions
WHERE startsWith(viewer_id, {town:String}) GROUP BY request_id"""
_RECEIVED = f"""SELECT toString(event_id) AS id, toUnixTimestamp64Milli(received_at) AS at
FROM events WHERE {_OURS}"""
_LOADED = "SELECT topic, partition, first, next, clock FROM offsets_loaded"
ANSWER_S = 30.0


@dataclass(frozen=True, slots=True)
class Analyst:
    """Asks one ClickHouse."""

    settings: Settings

    def events(self, town: str) -> dict[str, int]:
        """event_id -> how many rows it has."""
        return {row["id"]: int(row["n"]) for row in self._ask(_EVENTS, town)}

    def received(self, town: str) -> dict[str, int]:
        """event_id -> when the API received it, epoch ms."""
        return {row["id"]: int(row["at"]) for row in self._ask(_RECEIVED, town)}

    def state(self, town: str) -> State:
        """The answers of the tables, in the oracle's words. Two rows where there must be one are told."""
        views, edges = self._ask(_VIEWS, town), self._ask(_EDGES, town)
        glances = self._ask(_IMPRESSIONS, town)
        return {
            "views": {row["view_id"]: _once(row, row["ms"]) for row in views},
            "edges": {
                " ".join((row["edge"], row["src"], row["dst"])): _once(row, bool(row["stands"]))
                for row in edges
            },
            "impressions": {row["request_id"]: _once(row, row["ms"]) for row in glances},
        }

    def positions(self) -> dict[tuple[str, int], int]:
        """Up to where each partition is loaded without a gap."""
        runs: dict[tuple[str, int], list[Run]] = {}
        for row in self._ask(_LOADED):
            run = Run(int(row["first"]), int(row["next"]), int(row["clock"]))
            runs.setdefault((row["topic"], int(row["partition"])), []).append(run)
        return {place: whole.next for place, some in runs.items() if (whole := chain(some)) is not None}

    def _ask(self, sql: str, town: str = "") -> list[dict[str, Any]]:
        who = self.settings.clickhouse_reader, self.settings.clickhouse_reader_password.get_secret_value()
        headers = dict(zip(("X-ClickHouse-User", "X-ClickHouse-Key"), who, strict=True))
        headers["X-ClickHouse-Database"] = self.settings.clickhouse_database
        try:
            answer = httpx.post(
                self.settings.clickhouse_url,
                params={"param_town": town},
                content=f"{sql} FORMAT JSONEachRow",
                headers=headers,
                timeout=ANSWER_S,
                trust_env=False,
            )
        except httpx.TransportError as error:
            raise CaseFailed(f"ClickHouse does not answer: {error!r}") from error
        if answer.is_error:
            raise CaseFailed(f"ClickHouse answers {answer.status_code}: {answer.text[:300]}")
        return [orjson.loads(line) for line in answer.content.splitlines()]


def _once(row: dict[str, Any], said: Any) -> Any:
    return said if int(row["n"]) == 1 else f"{row['n']} rows"
