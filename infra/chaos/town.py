"""Who does what in a case: people and videos with names of their own, and a seeded stream of their events.

No clock is read: time is an argument. The events are those of infra/demo/simulation.py (views, likes and
unlikes, comments and deletions, shares, 2 % of all twice), and follows, unfollows and impressions besides.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any
from zlib import crc32

from infra.clock import new_event_id
from infra.demo.simulation import Simulated, SimulatedVideo, simulate, tags_of

DURATION_MS = 6_000
SOURCE = "/svc/chaos"
EVENTS_A_VIEW = 2.9
"""What a view comes to with all that follows from it, about."""


@dataclass(frozen=True, slots=True)
class Town:
    """The people and videos of one case; every name begins with ``name``."""

    name: str
    users: tuple[str, ...]
    videos: tuple[SimulatedVideo, ...]

    @classmethod
    def named(cls, name: str, users: int = 12, videos: int = 5) -> "Town":
        """A town; its first people are the videos' makers."""
        people = tuple(f"{name}-user-{n}" for n in range(users))
        films = [f"{name}-video-{n}" for n in range(videos)]
        made = (
            SimulatedVideo(film, people[n % users], DURATION_MS, tags_of(7, film))
            for n, film in enumerate(films)
        )
        return cls(name, people, tuple(made))

    def doings(self, seed: int, views: int, start_ms: int) -> list[Simulated]:
        """The events that come of this many views, in the order of their time."""
        random = Random(f"{self.name}:{seed}")
        found = [
            *simulate(random.getrandbits(32), self.users, self.videos, views, start_ms),
            *self._follows(random, views // 4, start_ms),
            *self._glances(random, views // 3, start_ms),
        ]
        return sorted(found, key=lambda one: int(one.event["occurred_at"]))

    def registrations(self, now_ms: int) -> list[Simulated]:
        """Everyone signs up."""
        return [
            Simulated(
                user, _event("user.registered", now_ms, user_id=user, username=f"u{crc32(user.encode()):x}")
            )
            for user in self.users
        ]

    def film(self, nth: int, now_ms: int) -> tuple[SimulatedVideo, list[dict[str, Any]]]:
        """One more video, which nobody is told of yet, and the facts that publish it."""
        video_id, maker = f"{self.name}-video-{nth}", self.users[nth % len(self.users)]
        video = SimulatedVideo(video_id, maker, DURATION_MS, tags_of(7, video_id))
        return video, publication(video, now_ms)

    def _follows(self, random: Random, many: int, start_ms: int) -> Iterator[Simulated]:
        for nth in range(many):
            actor, target = random.sample(self.users, 2)
            kind = random.choice(("user.followed", "user.followed", "user.unfollowed"))
            fact = _event(kind, start_ms + 100 * nth, target_id=target)
            yield from [Simulated(actor, fact)] * random.choice((1, 1, 1, 2))

    def _glances(self, random: Random, many: int, start_ms: int) -> Iterator[Simulated]:
        for nth in range(many):
            at = start_ms + 75 * nth
            names = {"video_id": random.choice(self.videos).video_id, "request_id": new_event_id(at)}
            fact = _event(
                "feed.impression", at, **names, visible_ms=random.randint(100, 5_000), pct_visible=90
            )
            yield Simulated(random.choice(self.users), fact)


def publication(video: SimulatedVideo, now_ms: int) -> list[dict[str, Any]]:
    """The facts that a trusted service writes: the video is described and published."""
    names = {"source": SOURCE, "received_at": now_ms, "actor_id": video.creator_id}
    names |= {"video_id": video.video_id, "creator_id": video.creator_id}
    about = {"title": video.video_id, "caption": "", "hashtags": list(video.tags), "visibility": "public"}
    return [
        _event("video.described", now_ms, **names, **about, mentions=[]),
        _event("video.published", now_ms, **names, published_at=now_ms, ladder_version="v1"),
    ]


def removal(video: SimulatedVideo, now_ms: int) -> dict[str, Any]:
    """The fact that the maker has taken the video away."""
    names = {"source": SOURCE, "received_at": now_ms, "actor_id": video.creator_id}
    return _event("video.deleted", now_ms, **names, video_id=video.video_id, creator_id=video.creator_id)


def _event(event_type: str, at: int, **fields: Any) -> dict[str, Any]:
    return {"event_id": new_event_id(at), "event_type": event_type, "occurred_at": at, **fields}
