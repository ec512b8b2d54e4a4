"""What the plan for the whole scale takes for given: numbers that no benchmark of ours measures, each with
its reason, and the machine that everything is counted in. Change one here and the page changes with it."""

from dataclasses import dataclass, field, replace
from typing import Any

from infra.settings import Settings
from projections.seen.fold import CAP

DAY_S = 86_400


def given(value: float, unit: str, why: str) -> Any:
    """A field with its unit and its reason, both of which the page shows."""
    return field(default=value, metadata={"unit": unit, "why": why})


@dataclass(frozen=True, slots=True)
class Assumptions:
    """The product at its whole scale. Rates are means of a day."""

    daily_users: float = given(500e6, "users", "half of a billion a month come on a day")
    plays_a_day: float = given(99, "plays a user", "33 minutes a day, 20 s a play")
    starts_and_ends: float = given(2, "events a play", "view.started and view.ended")
    heartbeats: float = given(2, "events a play", "one each 5 s, of which the last counts")
    engagements: float = given(0.1, "events a play", "likes, shares, comments; a guess")
    feed_events: float = given(0.1, "events a play", "a slate of ten served; a guess")
    follows: float = given(0.01, "events a play", "a guess")
    videos_a_day: float = given(1e6, "videos", "uploads of a day")
    video_events: float = given(5, "events a video", "started, uploaded, validated, described, published")
    media_events: float = given(9, "events a video", "four rungs, playlist, three thumbnails, completed")
    registrations_a_day: float = given(1e6, "users", "a guess")
    events_a_post: float = given(4, "events", "a phone sends what a play made; a guess")
    plays_a_read: float = given(10, "plays", "a page of the feed holds so many")
    event_bytes: float = given(400, "bytes", "of Avro; real ones have 300 to 500")
    compressed: float = given(0.5, "of that on the wire", "lz4 over batches; a guess")
    copies: float = given(3, "copies", "of the log; two of them confirm")
    log_days: float = given(3, "days", "on the brokers; all before that is in the archive")
    entry_bytes: float = given(
        80,
        "bytes",
        "MEMORY USAGE of the lines that keep 5,000 ids of 36 characters, an id, at the cap, Redis 7.0",
    )
    entries: float = given(2 * CAP, "entries a user", "the caps of what was watched and of what was shown")
    packed_bytes: float = given(8, "bytes", "a hash of an id, as the duplicate memory keeps them")
    packed_entries: float = given(CAP, "entries a user", "one set for both")
    video_bytes: float = given(3_000, "bytes a video", "its hashes in Redis; a guess")
    video_years: float = given(3, "years", "of videos that Redis knows")
    node_gib: float = given(16, "GiB", "of data in one Redis node: what a fork and a copy can bear")
    redis_copies: float = given(2, "copies", "of each Redis node")
    row_bytes: float = given(60, "bytes a row", "compressed in ClickHouse; a guess")
    row_days: float = given(90, "days", "of rows in ClickHouse")
    row_copies: float = given(2, "copies", "of each ClickHouse shard")
    clip_s: float = given(20, "CPU seconds", "four rungs of a 15 s clip, where the stage was not measured")
    window_s: float = given(Settings().recent_window_s, "s", "how long ids are remembered")
    remembered_bytes: float = given(16, "bytes a play", "a hash of 8 in each of two folds")
    utilisation: float = given(
        0.6, "of a core, a link, a disk", "so that a part may fail and a peak may come"
    )

    @property
    def plays(self) -> float:
        """Plays a second."""
        return self.daily_users * self.plays_a_day / DAY_S

    def packed(self) -> "Assumptions":
        """The same, with what was seen kept as hashes and what was watched kept elsewhere."""
        return replace(self, entry_bytes=self.packed_bytes, entries=self.packed_entries)

    @property
    def rates(self) -> dict[str, float]:
        """Topic -> events a second."""
        return {
            "rf.playback.v1": self.plays * self.starts_and_ends,
            "rf.heartbeat.v1": self.plays * self.heartbeats,
            "rf.engagement.v1": self.plays * self.engagements,
            "rf.feed.v1": self.plays * self.feed_events,
            "rf.graph.v1": self.plays * self.follows,
            "rf.video.v1": self.videos_a_day / DAY_S * self.video_events,
            "rf.media.v1": self.videos_a_day / DAY_S * self.media_events,
            "rf.identity.v1": self.registrations_a_day / DAY_S,
        }


@dataclass(frozen=True, slots=True)
class Machine:
    """What is counted."""

    name: str = "16 cores, 64 GiB, 4 TB of NVMe, 10 Gbit/s"
    cores: int = 16
    gib: int = 64
    disk_bytes: float = 4e12
    link_bytes: float = 10e9 / 8
    """A second, each way."""
