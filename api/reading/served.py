"""The fact that a page of a feed was served, with what decided it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from api.reading.card_text import CardText
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
    return {
        **told(slate.feed, slate.generation, user_id, request_id, now_ms),
        "positions": positions_of(slate.feed, slate.lags),
        "items": items_of(slate),
    }


def told(feed: str, generation: int, user_id: str, request_id: str, now_ms: int) -> dict[str, Any]:
    """The event but for positions and items, which many of them may share."""
    return {
        "event_id": request_id,
        "event_type": "feed.served",
        "source": SOURCE,
        "occurred_at": now_ms,
        "received_at": now_ms,
        "actor_id": user_id,
        "request_id": request_id,
        "surface": feed,
        "feed": feed,
        "generation": generation,
    }


def positions_of(feed: str, lags: Sequence[FoldLag]) -> list[str]:
    """Where the feed's fold stood."""
    fold = _FOLD_OF[feed]
    return [f"{one.topic}:{one.partition}:{one.position}" for one in lags if one.fold == fold]


def items_of(slate: Slate) -> list[dict[str, Any]]:
    """The places of the slate."""
    return [
        {
            "video_id": card.video_id,
            "position": place,
            "sources": [slate.source],
            "score": score,
            "slot_kind": _SLOT_OF[slate.feed],
        }
        for place, (card, score) in enumerate(slate.items)
    ]
