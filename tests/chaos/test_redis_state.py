"""The checker's reading of Redis, held against what folds wrote there."""

from collections.abc import Iterator

import pytest
import redis

from infra.chaos.redis_state import redis_state
from projections.seen.redis import RedisSeenFold
from tests.builders import batch_of, impression, view_started

pytest_plugins = ["tests.redis_server"]
pytestmark = pytest.mark.servers


def test_seen_is_what_was_played_or_on_screen_at_the_later_of_both(
    redis_client: redis.Redis, generations: Iterator[int]
) -> None:
    generation = next(generations)
    fold = RedisSeenFold(redis_client, generation)
    fold.apply(batch_of(view_started("ann", "v1", "w1", 5), view_started("ann", "v2", "w2", 9)), None)
    fold.apply(batch_of(impression("ann", "v1", "r1", 7), impression("ann", "v3", "r1", 8)), None)
    state = redis_state(redis_client, ["ann", "bob"], ["v1", "v2", "v3"], generation)
    assert state["seen"] == {"ann": {"v1": 7, "v2": 9, "v3": 8}}
