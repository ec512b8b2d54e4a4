"""A seeded load as a short-video product has it: few videos get most of the views, phones send twice.

Events are complete (300 to 500 bytes of Avro), 2 % come twice, 1 % are hours late, likes are toggled. What
must come of them is counted here, from the events alone: `Load.counts` is the oracle of every contender.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import numpy as np
from confluent_kafka import Producer

from infra.kafka.config import producer
from infra.settings import Settings
from schemas.book import SchemaBook
from schemas.catalogue import latest
from schemas.codec import encode
from schemas.topics import TOPIC_OF

USERS, VIDEOS = 20_000, 5_000
ZIPF = 1.1
"""Exponent of the videos' popularity: about a sixth of all views go to the first of 5,000."""
DUPLICATES, LATE = 0.02, 0.01
LATE_MS = 6 * 3_600_000
KINDS = (("view.started", 0.75), ("video.liked", 0.18), ("video.unliked", 0.07))
TOPICS = ("rf.playback.v1", "rf.engagement.v1")
START_MS = 1_790_000_000_000

Event = dict[str, Any]
Record = tuple[str, bytes, bytes]
"""Topic, value, key."""
_WEIGHTS = {
    "zipf": np.arange(1, VIDEOS + 1) ** -ZIPF,
    "even": np.ones(VIDEOS),
    "viral": np.array([VIDEOS - 1.0, *[1.0] * (VIDEOS - 1)]),
}


@dataclass(slots=True)
class Load:
    """So many events of a seed, what they come to, and how large they are."""

    seed: int
    events: int
    size: int = 0
    """Bytes of Avro, all of them."""
    unique: int = 0
    """Events, each once."""
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    """video -> views and likes, where not 0."""
    users: int = USERS
    shape: Literal["zipf", "even", "viral"] = "zipf"
    """How the events fall on the videos; of the viral one half are the first video's, the rest is even."""
    named: str = ""
    """Before the names of its videos: loads that follow one another count apart."""

    def each(self) -> Iterator[Event]:
        """The events in the order in which they happen, those sent twice included."""
        chance = np.random.default_rng(self.seed)
        weights = _WEIGHTS[self.shape]
        videos = chance.choice(VIDEOS, self.events, p=weights / weights.sum())
        users = chance.integers(0, self.users, self.events)
        kinds = chance.choice(len(KINDS), self.events, p=[share for _, share in KINDS])
        twice, late = chance.random(self.events) < DUPLICATES, chance.random(self.events) < LATE
        filled_in = {kind: filled(kind) for kind, _ in KINDS}
        before: Event | None = None
        for nth in range(self.events):
            if twice[nth] and before is not None:
                yield before
                continue
            at = START_MS + nth - (LATE_MS if late[nth] else 0)
            kind, user = KINDS[kinds[nth]][0], f"u{users[nth]:07d}"
            one = str(UUID(int=(self.seed << 64) | nth))
            before = filled_in[kind] | {
                "event_id": one,
                "actor_id": user,
                "occurred_at": at,
                "received_at": START_MS + nth,
                "video_id": f"{self.named}v{videos[nth]:06d}",
                "device_id": f"device-{user}",
                "session_id": one,
                "request_id": one,
            }
            if kind == "view.started":
                before["view_id"] = one
            yield before

    def publish(self, settings: Settings, book: SchemaBook, named: str = "") -> None:
        """Write all of it to the log, and count what must come of it. ``named``: before each topic's name."""
        put(settings, self.records(book), named)

    def records(self, book: SchemaBook) -> Iterator[Record]:
        """All of it encoded; at the end what must come of it is counted."""
        counted = Counted()
        for event in self.each():
            counted.take(event)
            value = encode(event, book)
            self.size += len(value)
            yield TOPIC_OF[event["event_type"]].name, value, event["actor_id"].encode()
        self.counts, self.unique = counted.counts(), len(counted.ids)


def put(settings: Settings, records: Iterable[Record], named: str = "") -> None:
    """Write records to the log, acknowledged. ``named``: before each topic's name."""
    log = Producer(producer(settings) | {"linger.ms": 50, "queue.buffering.max.messages": 1_000_000})
    for topic, value, key in records:
        while True:
            try:
                log.produce(named + topic, value, key)
                break
            except BufferError:
                log.poll(0.1)
        log.poll(0)
    if log.flush(60):
        raise RuntimeError("the broker did not take the load")


@dataclass(slots=True)
class Counted:
    ids: set[str] = field(default_factory=set)
    views: dict[str, set[str]] = field(default_factory=dict)
    likes: dict[tuple[str, str], tuple[int, str, bool]] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        video = event["video_id"]
        self.ids.add(event["event_id"])
        if event["event_type"] == "view.started":
            self.views.setdefault(video, set()).add(event["view_id"])
            return
        pair = event["actor_id"], video
        word = event["occurred_at"], event["event_id"], event["event_type"] == "video.liked"
        self.likes[pair] = max(word, self.likes.get(pair, word))

    def counts(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {video: {"views": len(ids)} for video, ids in self.views.items()}
        for (_, video), (_, _, stands) in self.likes.items():
            if stands:
                likes = found.setdefault(video, {})
                likes["likes"] = likes.get("likes", 0) + 1
        return found


def filled(event_type: str) -> Event:
    """Every field that a phone fills the same way in each event."""
    said = {field["name"]: field.get("default") for field in latest(event_type).fields}
    given = {
        "event_type": event_type,
        "source": "/client/ios",
        "surface": "fyp",
        "platform": "ios",
        "app_version": "31.4.1",
        "country": "DE",
        "lang": "de-DE",
        "network": "wifi",
        "tz_offset_min": 60,
        "creator_id": "u0000042",
        "duration_ms": 15_000,
        "startup_ms": 180,
    }
    return said | {name: value for name, value in given.items() if name in said}
