"""How far the stores are behind the log: asked of the stores, whatever the workers say."""

from functools import lru_cache

from infra.chaos.clickhouse_state import Analyst
from infra.chaos.log import Vector
from infra.chaos.redis_state import positions
from infra.clients import redis_client
from infra.settings import Settings
from projections.position import StoreUnavailable
from projections.redis_ledger import store_errors
from streams.folds import every_fold


def behind(settings: Settings, ends: Vector) -> int:
    """Records up to ``ends`` that folds have not applied, added up over the folds: 0 is zero lag.

    Raises StoreUnavailable, CaseFailed when a store does not answer.
    """
    stored = _positions(settings)
    return sum(
        max(0, end - stored.get(fold, {}).get(place, 0))
        for place, end in ends.items()
        for fold, topics in _topics(settings).items()
        if place[0] in topics
    )


def caught_up(settings: Settings, ends: Vector) -> bool:
    """Whether every fold's store stands at these ends; no while one does not answer."""
    try:
        return behind(settings, ends) == 0
    except StoreUnavailable:
        return False


@lru_cache(1)
def _topics(settings: Settings) -> dict[str, tuple[str, ...]]:
    """What each fold reads; makes clients that nobody connects."""
    members = (fold for some in every_fold(settings, settings.generation).values() for fold in some)
    return {fold.name: fold.topics for fold in members}


def _positions(settings: Settings) -> dict[str, dict[tuple[str, int], int]]:
    with store_errors(), redis_client(settings) as client:
        stored = positions(client, settings.generation)
    stored["analytics"] = Analyst(settings).positions()
    return stored
