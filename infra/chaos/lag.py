"""How far the stores are behind the log: asked of the stores, whatever the workers say."""

import asyncio
from collections.abc import Callable
from functools import lru_cache

from infra.chaos.clickhouse_state import Analyst
from infra.chaos.log import Place, Vector
from infra.chaos.redis_state import positions
from infra.chaos.waiting import CaseFailed, until
from infra.clients import redis_client
from infra.settings import Settings
from projections.position import StoreUnavailable
from projections.redis_ledger import store_errors
from streams.folds import every_fold

LOOK_S = 0.2
Laggards = dict[str, dict[Place, int]]
"""Fold -> partition -> records that it has not applied."""


def behind(settings: Settings, ends: Vector) -> Laggards:
    """What folds have not applied of the log up to ``ends``: empty is zero lag.

    Raises StoreUnavailable, CaseFailed when a store does not answer.
    """
    stored = _positions(settings)
    found: Laggards = {}
    for fold, topics in _topics(settings).items():
        for place, end in ends.items():
            missing = end - stored.get(fold, {}).get(place, 0)
            if place[0] in topics and missing > 0:
                found.setdefault(fold, {})[place] = missing
    return found


def caught_up(settings: Settings, ends: Vector) -> bool:
    """Whether every fold's store stands at these ends; no while one does not answer."""
    try:
        return not behind(settings, ends)
    except StoreUnavailable:
        return False


async def at_ends(
    settings: Settings, ends: Vector, what: str, within_s: float, or_else: Callable[[], bool] = lambda: False
) -> None:
    """Wait until every fold stands at these ends, or something else is so. CaseFailed past the bound, and
    says which fold is where."""
    try:
        await until(lambda: caught_up(settings, ends) or or_else(), what, within_s, LOOK_S)
    except CaseFailed as late:
        raise CaseFailed(f"{late}; behind: {await asyncio.to_thread(_told, settings, ends)}") from late


def _told(settings: Settings, ends: Vector) -> str:
    """Which fold is how far behind, and where; or that a store does not answer."""
    try:
        found = behind(settings, ends)
    except StoreUnavailable as error:
        return str(error)
    return "; ".join(f"{fold} {sum(one.values())} in {sorted(one)}" for fold, one in sorted(found.items()))


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
