"""The following feed in Redis: pushed to followers, pulled from celebrities, all of it under g{n}:feed:.

The owners of the graph's and of the video's partitions change the same feeds at once, so each order is
carried out by a script (pushed.lua and feed.lua, which describe the keys), next to the data. A call does
a bounded amount of work and tells how far it came; the position moves with the last. What happens
between two calls of a fan-out is safe: whom it has passed gets the video from the timeline by a new follow,
whom it has not by the fan-out, and a former follower is no longer among those it goes on with. After a
crash the batch is carried out again, and its fan-out goes on where it was.

The scripts find their keys by themselves: one Redis, not a cluster.
"""

import json
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import redis
import redis.asyncio

from projections.feed.carrying import Told, carry_out, told
from projections.feed.fold import CAP, TOPICS, feed_page, orders
from projections.keyset import Keyset
from projections.redis_fold import ScriptedFold
from projections.redis_ledger import Argument, Move, key, store_errors
from schemas.batch import Records

CELEBRITY_FOLLOWERS = 10_000
LARGEST_CAP = 2_000
"""A script handles a feed's videos as the arguments of one command, of which Lua takes some 8,000."""

_HERE = Path(__file__).parent
_WRITE = "".join((_HERE / name).read_text("utf-8") for name in ("pushed.lua", "feed.lua"))
READ = (_HERE / "feed_read.lua").read_text("utf-8")
_BUDGET = 95
"""Deliveries of one video by a call, about, or as much other work: Redis serves nobody else meanwhile, and
two calls may be under way. With 40 reads beside it wait two thirds as long, and a quarter less and more is
delivered (BENCHMARKS, fanout)."""
SPARE = 600
"""Lines beyond its window that a list may hold before it is put in order and cut: by the user's name half of
this or more."""
SLACK = 60_000
"""Milliseconds. What is older than the latest of all by no more than this is in order still: a reader looks
so much deeper into a list. Partitions seldom lag more behind one another."""


class RedisFeedFold(ScriptedFold):
    """The feed's write side.

    An account that once had ``celebrity_followers`` is pulled for good: what was pushed before stays
    where it is, and a reader sees a video that comes both ways once. More than ``cap`` videos are kept,
    so that a removal seldom asks for a rebuild. ``budget`` bounds the work of a call.
    """

    name = "feed"
    topics = TOPICS
    rows = 500

    def __init__(
        self,
        client: redis.Redis,
        generation: int,
        celebrity_followers: int = CELEBRITY_FOLLOWERS,
        cap: int = CAP,
        budget: int = _BUDGET,
        spare: int = SPARE,
        slack: int = SLACK,
    ) -> None:
        if not 0 < cap <= LARGEST_CAP:
            raise ValueError(f"a feed's cap is 1 to {LARGEST_CAP}, not {cap}")
        super().__init__(client, generation)
        self._prefix = key(generation, "feed", "")
        self._cap, self._slack = cap, slack
        self._beside: Executor = ThreadPoolExecutor(1, "feed-beside")
        self._limits = celebrity_followers, cap, cap + cap // 4 + 1, budget, spare, slack

    def write(self, records: Records, moves: Sequence[Move]) -> None:
        def call(asked: Sequence[Told], cursor: str, more: bool) -> tuple[int, str] | None:
            arguments: list[Argument] = [self._prefix, *self._limits, cursor, json.dumps(asked), int(more)]
            answer = self.ledger.run_script(_WRITE, [], arguments, moves)
            return cast(tuple[int, str], answer) if answer else None

        carry_out(told(orders(records)), call, self._beside)

    def close(self) -> None:
        """Let go of the thread of the second calls."""
        self._beside.shutdown()

    def snapshot(self) -> dict[str, Any]:
        """Everyone's feed, equal to that of the memory twin over the same facts."""
        followed = self._prefix + "followed:"
        found = self.ledger.client.scan_iter(f"{followed}*", count=1000)
        users = [name.removeprefix(followed) for name in found]
        return {user: feed for user, feed in zip(users, self.pages(users), strict=True) if feed}

    def pages(self, users: Sequence[str]) -> list[list[Keyset]]:
        """What each of these users reads as one page. May raise StoreUnavailable."""
        if not users:
            return []
        with store_errors(), self.ledger.client.pipeline(transaction=False) as pipe:
            read = pipe.register_script(READ)
            for user in users:
                read(args=[self._prefix, user, self._cap, self._slack])
            answers = pipe.execute()
        return [feed_page(videos_in(answer), None, self._cap, self._cap) for answer in answers]


class RedisFeedReads:
    """FeedReads of one generation. Methods may raise StoreUnavailable."""

    def __init__(
        self, client: redis.asyncio.Redis, generation: int, cap: int = CAP, slack: int = SLACK
    ) -> None:
        self._read = client.register_script(READ)
        self._prefix = key(generation, "feed", "")
        self._cap, self._slack = cap, slack

    async def following(
        self, user_id: str, before: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        cap = self._cap if before is not None else first_cap(limit, self._cap)
        with store_errors():
            answer = await self._read(args=[self._prefix, user_id, cap, self._slack])
        return feed_page(videos_in(answer), before, limit, self._cap)


def first_cap(limit: int, cap: int) -> int:
    """How many videos a first page is made of: no more than it shows, twice, since a video that changes its
    author may be there under both for a moment."""
    return min(cap, 2 * limit)


def videos_in(answer: Any) -> list[Keyset]:
    """READ's answer as (published_at, video_id), in its order."""
    pushed, pulled = answer[0], answer[1]
    found = [(int(at), video) for at, video, _ in (line.split(" ", 2) for line in pushed)]
    return found + [(int(at), str(video)) for video, at in zip(pulled[::2], pulled[1::2], strict=True)]
