"""What a demo run found, as JSON for a machine and as a table for a person."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from infra.demo.expected import KINDS, CountsByVideo

MIME = {".m3u8": "application/vnd.apple.mpegurl", ".mp4": "video/mp4", ".jpg": "image/jpeg"}


def percentiles(times_ms: Sequence[float]) -> dict[str, float]:
    """p50 and p99 by nearest rank, milliseconds, and of how many."""
    ranked = sorted(times_ms)
    rank = {name: -(-len(ranked) * share // 100) - 1 for name, share in (("p50", 50), ("p99", 99))}
    return {name: round(ranked[at], 1) for name, at in rank.items()} | {"n": len(ranked)}


@dataclass(frozen=True, slots=True)
class Report:
    """A run's results; `problems` says what disagrees."""

    seed: int
    events_sent: int
    events_accepted: int
    viewer: str
    feed_items: list[dict[str, Any]]
    playback: list[dict[str, Any]]
    counts_expected: CountsByVideo
    counts_redis: CountsByVideo
    counts_clickhouse: CountsByVideo
    visible_redis_ms: dict[str, float]
    visible_clickhouse_ms: dict[str, float]

    @property
    def problems(self) -> list[str]:
        """Everything that is not as it must be, in sentences; empty after a good run."""
        found = []
        if self.events_accepted != self.events_sent:
            found.append(f"{self.events_accepted} of {self.events_sent} events were accepted")
        if self.counts_redis != self.counts_expected:
            found.append(f"Redis counts {self.counts_redis}, expected {self.counts_expected}")
        if self.counts_clickhouse != self.counts_expected:
            found.append(f"ClickHouse counts {self.counts_clickhouse}, expected {self.counts_expected}")
        if {item["video_id"] for item in self.feed_items} != set(self.counts_expected):
            found.append("the following feed does not hold exactly the videos that were published")
        for one in self.playback:
            wanted = MIME["." + one["url"].rpartition(".")[2]]
            if (one["status"], one["mime"]) != (200, wanted):
                found.append(f"{one['url']} answered {one['status']} {one['mime']}, not 200 {wanted}")
        return found

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        return asdict(self) | {"ok": not self.problems, "problems": self.problems}

    def show(self, console: Console) -> None:
        """The report as tables."""
        console.print(f"[bold]The following feed of {self.viewer}[/bold]")
        for item in self.feed_items:
            console.print(
                f"  {item['title']} by {item['creator']['user_id']}, {item['duration_ms'] / 1000:.1f} s, "
                f"id {item['video_id']}",
                soft_wrap=True,
                highlight=False,
            )
            console.print(f"    {item['playback']['hls']}", soft_wrap=True)
        counts = Table(title="Counts: what was sent / Redis / ClickHouse")
        for column in ("video", *KINDS):
            counts.add_column(column, no_wrap=True)
        titles = {item["video_id"]: item["title"] for item in self.feed_items}
        for video, expected in self.counts_expected.items():
            stores = (expected, self.counts_redis[video], self.counts_clickhouse[video])
            counts.add_row(
                titles.get(video, video),
                *(" / ".join(str(store[kind]) for store in stores) for kind in KINDS),
            )
        console.print(counts)
        redis, clickhouse = self.visible_redis_ms, self.visible_clickhouse_ms
        console.print(
            f"{self.events_accepted} events accepted. From POST to visible: Redis p50 {redis['p50']} ms, "
            f"p99 {redis['p99']} ms; ClickHouse p50 {clickhouse['p50']} ms, p99 {clickhouse['p99']} ms.",
            soft_wrap=True,
        )
        for problem in self.problems:
            console.print(f"[red]{problem}[/red]")
