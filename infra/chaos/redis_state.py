"""What Redis holds of a town, read key by key as each fold's module documents its keys."""

from collections import Counter, defaultdict
from typing import Any, cast

import redis

from infra.chaos.oracle import State
from infra.demo.expected import KINDS
from projections.feed.redis import RedisFeedFold
from projections.redis_ledger import key
from projections.seen.fold import CAP
from projections.seen.lines import newest
from projections.trending.redis_ranking import SHARDS

GENERATION = 1


def redis_state(
    client: redis.Redis, users: list[str], videos: list[str], generation: int = GENERATION
) -> State:
    """The answers of the Redis folds about these people and videos, in the oracle's words."""
    return {
        "counts": _counts(client, videos, generation),
        "likes": _likes(client, users, generation),
        "following": _members(client, "following", users, generation),
        "followers": _members(client, "followers", users, generation),
        "feed": _feeds(client, users, generation),
        "seen": _seen(client, users, generation),
        "trending": _trending(client, set(videos), generation),
    }


def _all(
    client: redis.Redis, command: str, kind: str, names: list[str], generation: int, *words: Any
) -> list[Any]:
    """One command for each name's key, in one round trip."""
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            getattr(pipe, command)(key(generation, kind, name), *words)
        return pipe.execute()


def _counts(client: redis.Redis, videos: list[str], generation: int) -> dict[str, Any]:
    held = _all(client, "hgetall", "count", videos, generation)
    return _said(
        {
            video: {kind: int(one[kind]) for kind in KINDS if int(one.get(kind, 0))}
            for video, one in zip(videos, held, strict=True)
        }
    )


def _likes(client: redis.Redis, users: list[str], generation: int) -> dict[str, Any]:
    held = _all(client, "hgetall", "likes", users, generation)
    return _said(
        {
            user: sorted(video for video, text in one.items() if text.endswith("|1"))
            for user, one in zip(users, held, strict=True)
        }
    )


def _members(client: redis.Redis, kind: str, users: list[str], generation: int) -> dict[str, Any]:
    held = _all(client, "zrange", kind, users, generation, 0, -1)
    return _said({user: sorted(one) for user, one in zip(users, held, strict=True)})


def _feeds(client: redis.Redis, users: list[str], generation: int) -> dict[str, Any]:
    wanted = set(users)
    feeds = RedisFeedFold(client, generation).snapshot()
    return _said({user: [video for _, video in feed] for user, feed in feeds.items() if user in wanted})


def _seen(client: redis.Redis, users: list[str], generation: int) -> dict[str, Any]:
    """What was watched or shown, at the later of both."""
    found: dict[str, dict[str, int]] = {}
    for kind in ("watched", "displayed"):
        held = _all(client, "lrange", kind, users, generation, 0, -1)
        for user, lines in zip(users, held, strict=True):
            seen = found.setdefault(user, {})
            seen.update({video: max(at, seen.get(video, 0)) for at, video in newest(lines, CAP)})
    return _said(found)


def _trending(client: redis.Redis, videos: set[str], generation: int) -> dict[str, Any]:
    """The weights of all hours together."""
    total: Counter[str] = Counter()
    buckets = cast(list[str], client.zrange(key(generation, "trend", "buckets"), 0, -1))
    for bucket in buckets:
        if bucket.startswith("1h:"):
            for shard in range(SHARDS):
                name = key(generation, "trend", bucket, shard)
                weights: Any = client.zrange(name, 0, -1, withscores=True)
                total.update({video: int(weight) for video, weight in weights if video in videos})
    return dict(total)


def positions(client: redis.Redis, generation: int = GENERATION) -> dict[str, dict[tuple[str, int], int]]:
    """Fold -> where it stands in each partition, as its store says."""
    prefix = key(generation, "position", "")
    names = list(client.scan_iter(f"{prefix}*", count=1000))
    found: dict[str, dict[tuple[str, int], int]] = defaultdict(dict)
    stored = cast(list[str | None], client.mget(names)) if names else []
    for name, position in zip(names, stored, strict=True):
        fold, topic, partition = str(name).removeprefix(prefix).split(":")
        found[fold][topic, int(partition)] = int(position or 0)
    return found


def _said(answers: dict[str, Any]) -> dict[str, Any]:
    return {whose: said for whose, said in answers.items() if said}
