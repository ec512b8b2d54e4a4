"""What the counts must be, worked out from what was sent, by the plainest means there are.

It shares no code with the folds: it is what they are compared with.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from infra.demo.simulation import Simulated

KINDS = ("views", "likes", "comments", "shares")
CountsByVideo = dict[str, dict[str, int]]


def expected_counts(sent: Iterable[Simulated], video_ids: Iterable[str]) -> CountsByVideo:
    """Views by view_id, likes by who likes it last, comments that stand, shares by event_id."""
    views: dict[str, set[str]] = defaultdict(set)
    shares: dict[str, set[str]] = defaultdict(set)
    likes: dict[tuple[str, str], tuple[int, str, bool]] = {}
    comments: dict[str, set[tuple[str, str]]] = defaultdict(set)
    deleted: set[tuple[str, str]] = set()
    for one in sent:
        event: dict[str, Any] = one.event
        video = event.get("video_id", "")
        match event["event_type"]:
            case "view.started":
                views[video].add(event["view_id"])
            case "video.shared":
                shares[video].add(event["event_id"])
            case "video.liked" | "video.unliked" as kind:
                version = (event["occurred_at"], event["event_id"], kind == "video.liked")
                likes[one.actor_id, video] = max(version, likes.get((one.actor_id, video), version))
            case "comment.created":
                comments[video].add((one.actor_id, event["comment_id"]))
            case "comment.deleted":
                deleted.add((one.actor_id, event["comment_id"]))
    return {
        video: {
            "views": len(views[video]),
            "likes": sum(on for (_, liked), (_, _, on) in likes.items() if liked == video),
            "comments": len(comments[video] - deleted),
            "shares": len(shares[video]),
        }
        for video in video_ids
    }
