"""The fact that a page of a feed was served, with what decided it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from api.card_text import CardText
from projections.lag import FoldLag

SOURCE = "/svc/api"
_FOLD_OF = {"following": "feed", "trending": "trending"}
_SLOT_OF = {"following": "exploit", "trending": "trend"}


@dataclass(frozen=True, slots=True)
class Slate:
    """A page as it was decided: which feed, of which generation, from which source, with scores.

    ``lags`` tell where the feed's fold stood, as the worker last told.
    """

    feed: str
    generation: int
    source: str
    items: list[tuple[CardText, float | None]]
    lags: Sequence[FoldLag]


def served(slate: Slate, user_id: str, request_id: str, now_ms: int) -> dict[str, Any]:
    """The event feed.served of a slate."""
    fold = _FOLD_OF[slate.feed]
    return {
        "event_id": request_id,
        "event_type": "feed.served",
        "source": SOURCE,
        "occurred_at": now_ms,
        "received_at": now_ms,
        "actor_id": user_id,
        "request_id": request_id,
        "surface": slate.feed,
        "feed": slate.feed,
        "generation": slate.generation,
        "positions": [
            f"{one.topic}:{one.partition}:{one.position}" for one in slate.lags if one.fold == fold
        ],
        "items": [
            {
                "video_id": card.video_id,
                "position": place,
                "sources": [slate.source],
                "score": score,
                "slot_kind": _SLOT_OF[slate.feed],
            }
            for place, (card, score) in enumerate(slate.items)
        ],
    }
