"""What both stores must hold after a case, folded from what was acknowledged by the plainest means there are.

It shares no code with the folds: it is what they are compared with. Every event here happened within
minutes of its receipt, so no time of it was clamped; those of clients whose clock is wrong are told apart.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from infra.demo.expected import KINDS, expected_counts
from infra.demo.simulation import Simulated

HOUR_MS = 3_600_000
WEIGHTS = {"view.started": 1, "video.liked": 20, "comment.created": 30, "video.shared": 40}
SEEN = {"view.started": "occurred_at", "view.ended": "started_at", "feed.impression": "occurred_at"}
TOGGLES = {
    "video.liked": ("like", "video_id", True),
    "video.unliked": ("like", "video_id", False),
    "user.followed": ("follow", "target_id", True),
    "user.unfollowed": ("follow", "target_id", False),
}

State = dict[str, dict[str, Any]]
"""Question -> what it is asked of -> the answer, such as ["following"]["ann"] = ["bob"]."""


def expected_state(events: Iterable[Simulated]) -> State:
    """Of every question the answers that are not nothing."""
    all_of = list(events)
    edges = _edges(all_of)
    follows = [pair for (edge, *pair), on in edges.items() if edge == "follow" and on]
    state: State = {
        "counts": _counts(all_of),
        "likes": _grouped(
            (actor, video) for (edge, actor, video), on in edges.items() if edge == "like" and on
        ),
        "following": _grouped(follows),
        "followers": _grouped((target, actor) for actor, target in follows),
        "feed": _feeds(all_of, follows),
        "seen": _last_seen(all_of),
        "trending": _weights(all_of),
        "edges": {" ".join(names): on for names, on in edges.items()},
        "views": _views(all_of),
        "impressions": _impressions(all_of),
    }
    return {
        question: {whose: said for whose, said in answers.items() if said not in ({}, [])}
        for question, answers in state.items()
    }


def _edges(events: Iterable[Simulated]) -> dict[tuple[str, str, str], bool]:
    """(edge, who, whom) -> whether it stands: the greatest (occurred_at, event_id) decides."""
    last: dict[tuple[str, str, str], tuple[int, str, bool]] = {}
    for one in events:
        event = one.event
        if event["event_type"] in TOGGLES:
            edge, field, on = TOGGLES[event["event_type"]]
            names, said = (
                (edge, one.actor_id, str(event[field])),
                (event["occurred_at"], event["event_id"], on),
            )
            last[names] = max(said, last.get(names, said))
    return {names: on for names, (_, _, on) in last.items()}


def _counts(events: list[Simulated]) -> dict[str, dict[str, int]]:
    videos = {one.event["video_id"] for one in events if "video_id" in one.event}
    counts = expected_counts(events, videos)
    return {video: {kind: counts[video][kind] for kind in KINDS if counts[video][kind]} for video in videos}


def _feeds(events: list[Simulated], follows: list[list[str]]) -> dict[str, list[str]]:
    """Whoever follows sees what was published and not taken away, the newest first."""
    published: dict[str, tuple[int, str, str]] = {}
    gone = {one.event["video_id"] for one in events if one.event["event_type"] == "video.deleted"}
    for one in events:
        if one.event["event_type"] == "video.published" and one.event["video_id"] not in gone:
            video = one.event["video_id"]
            published[video] = (one.event["published_at"], video, one.event["creator_id"])
    made_by: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for at, video, maker in published.values():
        made_by[maker].append((at, video))
    feeds: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for actor, target in follows:
        feeds[actor] += made_by[target]
    return {actor: [video for _, video in sorted(videos, reverse=True)] for actor, videos in feeds.items()}


def _last_seen(events: Iterable[Simulated]) -> dict[str, dict[str, int]]:
    seen: dict[str, dict[str, int]] = defaultdict(dict)
    for one in events:
        if one.event["event_type"] in SEEN:
            at, video = one.event[SEEN[one.event["event_type"]]], one.event["video_id"]
            seen[one.actor_id][video] = max(at, seen[one.actor_id].get(video, at))
    return dict(seen)


def _weights(events: Iterable[Simulated]) -> dict[str, int]:
    """A person counts once for each kind, video and hour."""
    once = {
        (
            one.actor_id,
            one.event["video_id"],
            WEIGHTS[one.event["event_type"]],
            one.event["occurred_at"] // HOUR_MS,
        )
        for one in events
        if one.event["event_type"] in WEIGHTS
    }
    total: Counter[str] = Counter()
    for _, video, weight, _ in once:
        total[video] += weight
    return dict(total)


def _views(events: Iterable[Simulated]) -> dict[str, int]:
    """view_id -> how long was watched: what its end says, 0 while there is none."""
    watched: dict[str, int] = {}
    for one in events:
        if one.event["event_type"] in ("view.started", "view.ended"):
            view = one.event["view_id"]
            watched[view] = max(watched.get(view, 0), one.event.get("watch_ms", 0))
    return watched


def _impressions(events: Iterable[Simulated]) -> dict[str, int]:
    longest: dict[str, int] = {}
    for one in events:
        if one.event["event_type"] == "feed.impression":
            slate = one.event["request_id"]
            longest[slate] = max(longest.get(slate, 0), one.event["visible_ms"])
    return longest


def _grouped(pairs: Iterable[Iterable[str]]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for whose, other in pairs:
        found[whose].add(other)
    return {whose: sorted(others) for whose, others in found.items()}
