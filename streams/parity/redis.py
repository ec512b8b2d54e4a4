"""What Redis holds of a generation as numbers: per kind of key a count and order-free checksums.

A key's content is read in its canonical form and hashed to 64 bits together with its name (without the
generation). Memory: 18 bytes a key, and one slice of one large key; names are read again only for the few
keys that differ.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import redis

from infra.settings import Settings
from projections.feed.redis import RedisFeedFold
from projections.redis_ledger import key, store_errors
from projections.trending.fold import outdated
from projections.trending.redis import RedisTrendingFold
from streams.parity.keys import EXCLUDED, Content, Gathering, canonical, hash_of

SCANNED = 2_000
PAGES = 50
"""Feeds that are asked for at once."""
SLICE = 10_000
"""Members of a key that are read at once."""
SHOWN = 400
"""Characters of a content that are shown."""

_SIZES = {"hash": "HLEN", "zset": "ZCARD", "set": "SCARD", "list": "LLEN", "string": "STRLEN"}


@dataclass(frozen=True, slots=True)
class Differing:
    """A key whose content differs; None where there is no such key."""

    name: str
    left: str | None
    right: str | None


class RedisGeneration:
    """One generation's keys, read in bounded pipelines. Every method may raise StoreUnavailable."""

    def __init__(self, client: redis.Redis, generation: int, settings: Settings) -> None:
        self._client = client
        self._prefix = key(generation, "")
        limits = settings.celebrity_followers, settings.feed_cap
        self._feeds = RedisFeedFold(client, generation, *limits)
        self._clock = RedisTrendingFold(client, generation).clock()

    def content(self) -> Content:
        """All of it."""
        gathered = Gathering()
        for names in self._names():
            for name, content in self._contents(names):
                gathered.add(name, content)
        return gathered.content()

    def named(self, wanted: Iterable[int]) -> dict[int, str]:
        """The names that have these hashes, as far as there are any."""
        left, found = set(wanted), dict[int, str]()
        for names in self._names():
            for name in (*names, *_pages(names)):
                if (number := hash_of(name.encode())) in left:
                    found[number] = name
                    left.discard(number)
            if not left:
                break
        return found

    def shown(self, name: str) -> str | None:
        """A key's content for people; None when there is no such key."""
        if name.startswith("feed:page:"):
            (page,) = self._feeds.pages([name.removeprefix("feed:page:")])
            return orjson.dumps(page).decode()[:SHOWN] if page else None
        for found, content in self._contents([name]):
            if found == name:
                return content.decode(errors="replace")[:SHOWN]
        return None

    def _names(self) -> Iterator[list[str]]:
        """Names without the generation, of what is compared."""
        cursor = 0
        while True:
            with store_errors():
                cursor, found = self._client.scan(cursor, match=f"{self._prefix}*", count=SCANNED)
            names = [str(name).removeprefix(self._prefix) for name in found]
            yield [name for name in names if self._counts(name)]
            if cursor == 0:
                return

    def _counts(self, name: str) -> bool:
        if name.startswith(tuple(EXCLUDED)):
            return False
        words = name.split(":")
        if len(words) == 4 and words[0] == "trend":  # trend:{size}:{number}:{shard}
            return not outdated((words[1], int(words[2])), self._clock)
        return True

    def _contents(self, names: list[str]) -> Iterator[tuple[str, bytes]]:
        """(name, canonical content) of these keys that are not empty, and of the feeds they tell of."""
        full = [self._prefix + name for name in names]
        with store_errors():
            types = self._many([("TYPE", one) for one in full])
            asked = [(_SIZES.get(str(kind), "EXISTS"), one) for kind, one in zip(types, full, strict=True)]
            sizes = self._many(asked)
        some: list[tuple[str, str]] = []
        room = SLICE
        for name, kind, size in zip(names, types, sizes, strict=True):
            if kind == "list":
                size = min(size, SLICE)  # read whole: how many lines there are says nothing of what they say
            if size > SLICE:
                yield name, self._large(name, str(kind))
                continue
            if some and size > room:
                yield from self._read(some)
                some, room = [], SLICE
            some.append((name, str(kind)))
            room -= size
        yield from self._read(some)
        pages = list(_pages(names))
        for at in range(0, len(pages), PAGES):
            yield from self._read_pages(pages[at : at + PAGES])

    def _read_pages(self, names: list[str]) -> Iterator[tuple[str, bytes]]:
        users = [name.removeprefix("feed:page:") for name in names]
        for name, page in zip(names, self._feeds.pages(users), strict=True):
            if page:
                yield name, orjson.dumps(page)

    def _read(self, some: list[tuple[str, str]]) -> Iterator[tuple[str, bytes]]:
        commands = [_whole(kind, self._prefix + name) for name, kind in some if kind != "none"]
        with store_errors():
            answers = self._many(commands)
        present = ((name, kind) for name, kind in some if kind != "none")
        for (name, kind), answer in zip(present, answers, strict=True):
            content = canonical(name, kind, answer)
            if content:
                yield name, orjson.dumps(content)

    def _large(self, name: str, kind: str) -> bytes:
        """A digest of a key that is not read in one piece; a sorted set in slices, in its order."""
        digest, full = hashlib.blake2b(digest_size=16), self._prefix + name
        with store_errors():
            if kind == "zset":
                at = 0
                while members := self._many([("ZRANGE", full, at, at + SLICE - 1, "WITHSCORES")])[0]:
                    digest.update(orjson.dumps(canonical(name, kind, members)))
                    at += SLICE
            elif kind == "hash":
                held = dict(self._client.hscan_iter(full, count=SLICE))
                digest.update(orjson.dumps(canonical(name, kind, held)))
            elif kind == "set":
                members = sorted(set(self._client.sscan_iter(full, count=SLICE)))
                digest.update(orjson.dumps(members))
            else:
                digest.update(str(self._client.get(full)).encode())
        return b"large:" + digest.hexdigest().encode()

    def _many(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        with self._client.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)  # type: ignore[no-untyped-call]
            return list(pipe.execute())


def differing(
    left: RedisGeneration, right: RedisGeneration, one: Content, other: Content, most: int
) -> tuple[int, list[Differing]]:
    """How many keys differ, and some of them with what each side holds."""
    only = np.setxor1d(one.keys, other.keys, assume_unique=True)
    both, here, there = np.intersect1d(one.keys, other.keys, assume_unique=True, return_indices=True)
    unlike = both[one.values[here] != other.values[there]]
    every = np.concatenate([unlike, only])
    wanted = [int(number) for number in every[:most]]
    names = left.named(wanted)
    names |= right.named([number for number in wanted if number not in names])
    found = [Differing(name, left.shown(name), right.shown(name)) for name in sorted(names.values())]
    return len(every), found


def _whole(kind: str, name: str) -> tuple[Any, ...]:
    if kind == "hash":
        return ("HGETALL", name)
    if kind == "zset":
        return ("ZRANGE", name, 0, -1, "WITHSCORES")
    if kind == "list":
        return ("LRANGE", name, 0, -1)
    return ("SMEMBERS" if kind == "set" else "GET", name)


def _pages(names: Iterable[str]) -> Iterator[str]:
    """The feeds as they are read: of everyone who follows somebody."""
    for name in names:
        if name.startswith("feed:followed:"):
            yield "feed:page:" + name.removeprefix("feed:followed:")
