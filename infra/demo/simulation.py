"""Synthetic users with tastes: the same seed gives the same events, to the byte.

Each person has a taste, a weight for every tag; each video has tags. How long someone watches, and
whether a like, a comment, a share or a follow comes of it, depends on how well the two match. Some
people change their mind (unlike, unfollow, delete a comment), and some events are sent twice, as
clients on bad networks do. No clock is read: time is an argument.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

TAGS = ("dance", "food", "cats", "music", "travel", "sport", "comedy", "craft")
VIEW_GAP_MS = 25
DUPLICATES = 0.02
"""Share of events that are sent a second time, with the same id."""


@dataclass(frozen=True, slots=True)
class SimulatedVideo:
    """What the simulation needs to know of a video."""

    video_id: str
    creator_id: str
    duration_ms: int
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Simulated:
    """One event as its client posts it, and who posts it."""

    actor_id: str
    event: dict[str, Any]


def tags_of(seed: int, video_id: str) -> tuple[str, ...]:
    """Two tags for a video, drawn from the seed and its id."""
    return tuple(Random(f"{seed}:{video_id}").sample(TAGS, 2))


def simulate(
    seed: int, users: Sequence[str], videos: Sequence[SimulatedVideo], views: int, start_ms: int
) -> Iterator[Simulated]:
    """The events of this many views, in the order they happen; occurred_at begins at start_ms."""
    random = Random(seed)
    tastes = {user: {tag: random.random() for tag in TAGS} for user in users}
    now = start_ms
    for _ in range(views):
        user, video = random.choice(users), random.choice(videos)
        for event in _visit(random, user, video, tastes[user], now):
            yield Simulated(user, event)
            if random.random() < DUPLICATES:
                yield Simulated(user, dict(event))
        now += random.randint(1, 2 * VIEW_GAP_MS)


def _visit(
    random: Random, user: str, video: SimulatedVideo, taste: dict[str, float], now: int
) -> Iterator[dict[str, Any]]:
    match = sum(taste[tag] for tag in video.tags) / len(video.tags)
    yield from _view(random, video, match, now)
    if random.random() < 0.5 * match:
        yield _event(random, "video.liked", now + 5, video_id=video.video_id)
        if random.random() < 0.15:
            yield _event(random, "video.unliked", now + 6, video_id=video.video_id)
    if random.random() < 0.12 * match:
        yield from _comment(random, video, now)
    if random.random() < 0.08 * match:
        yield _event(random, "video.shared", now + 9, video_id=video.video_id, channel="copy_link")
    if random.random() < 0.05 * match and user != video.creator_id:
        yield _event(random, "user.followed", now + 10, target_id=video.creator_id)


def _view(random: Random, video: SimulatedVideo, match: float, now: int) -> Iterator[dict[str, Any]]:
    view_id = str(_uuid(random, now))
    watched = min(int(video.duration_ms * random.uniform(0, 1.4) * (0.3 + match)), 3 * video.duration_ms)
    content = min(watched, video.duration_ms)
    share = content / video.duration_ms
    yield _event(random, "view.started", now, view_id=view_id, video_id=video.video_id, startup_ms=60)
    yield _event(
        random,
        "view.ended",
        now + 4,
        view_id=view_id,
        video_id=video.video_id,
        started_at=now,
        watch_ms=watched,
        content_ms=content,
        max_pos_ms=content,
        loops=watched // video.duration_ms,
        seg_mask=(1 << round(20 * share)) - 1,
        exit="completed" if share >= 1 else "skipped" if watched < 2_000 else "swiped",
        seq=1,
    )


def _comment(random: Random, video: SimulatedVideo, now: int) -> Iterator[dict[str, Any]]:
    comment_id = str(_uuid(random, now))
    text = random.choice(("so good", "again!", "where is this?", "my cat does that too"))
    names = {"comment_id": comment_id, "video_id": video.video_id}
    yield _event(random, "comment.created", now + 7, **names, text=text)
    if random.random() < 0.2:
        yield _event(random, "comment.deleted", now + 8, **names)


def _event(random: Random, event_type: str, at: int, **fields: Any) -> dict[str, Any]:
    return {"event_id": str(_uuid(random, at)), "event_type": event_type, "occurred_at": at} | fields


def _uuid(random: Random, at: int) -> uuid.UUID:
    """A UUIDv7 whose random bits come from the seed."""
    value = at << 80 | random.getrandbits(80)
    return uuid.UUID(int=value & ~(0xF << 76 | 0x3 << 62) | 0x7 << 76 | 0x2 << 62)
