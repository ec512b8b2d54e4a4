"""A feed's first page from memory is the page that is put together anew, whatever just changed under it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import redis
import redis.asyncio

from api.app import build
from api.reading.readers import RedisReadSource
from api.reading.redis_readers import redis_readers
from infra.redis.watch import Address, Away, Watch
from projections import first_pages
from projections.catalog.redis import RedisCatalogFold
from projections.engagement.redis import RedisEngagementFold
from projections.feed.redis import RedisFeedFold
from projections.first_pages import FirstPages
from projections.graph.redis import RedisGraphFold
from projections.lag import FoldLag, RedisLagWrites, whole
from projections.live import LIVE_GENERATION
from projections.redis_fold import RedisFold
from tests.api.stage import MEDIA, Stage, playable
from tests.builders import (
    Event,
    Log,
    deleted,
    described,
    event,
    followed,
    liked,
    registered,
    shared,
    unfollowed,
    unliked,
)

pytest_plugins = ["tests.redis_server"]
PATH = "/v1/feed/following"


class Town:
    """An application over Redis that holds pages, and its folds. Celebrities have three followers."""

    def __init__(
        self, folder: Path, writes: redis.Redis, reads: redis.asyncio.Redis, generation: int
    ) -> None:
        self.stage = Stage(folder)
        self.generation = generation
        self.history = Log(partitions=1)
        self.folds: list[RedisFold] = [
            RedisCatalogFold(writes, generation),
            RedisGraphFold(writes, generation),
            RedisEngagementFold(writes, generation),
            RedisFeedFold(writes, generation, celebrity_followers=3),
        ]
        told = writes.connection_pool.connection_kwargs
        password = told.get("password") or ""
        self.watch = Watch(Address(told["host"], told["port"], told["db"], password=password))
        self.pages = FirstPages(self.watch)
        source = RedisReadSource(reads, redis_readers(reads, self.stage.parts.settings))
        self.stage.parts = replace(self.stage.parts, reads=source, pages=self.pages)
        self.stage.app = build(self.stage.parts)
        self.from_memory = 0
        self._count()

    def _count(self) -> None:
        warm = self.stage.app.state.warm
        page: Callable[..., Awaitable[object]] = warm.page

        async def counted(user_id: str, limit: int) -> object:
            found = await page(user_id, limit)
            self.from_memory += found is not None
            return found

        warm.page = counted

    def tell(self, *events: Event) -> None:
        """Fold these."""
        self.history.extend(events)
        for fold in self.folds:
            for batch in self.history.batches(*fold.topics):
                position = fold.position(batch.topic, batch.partition)
                rest = batch.since(position or 0)
                if rest.next > (position or 0):
                    fold.apply(rest, position)

    async def warmed(self) -> "Town":
        """Connected, with bob's page held."""
        with pytest.raises(Away):
            await self.watch.settled()
        await self.watch.opened()
        for _ in range(3):
            await self.stage.get(PATH, "bob")
        return self

    async def same(self, query: str = "", by: str = "bob") -> httpx.Response:
        """The page: byte for byte the careful one's but for its request_id, and so are its headers."""
        careful = await self.stage.get(f"{PATH}?{query}&x", by)
        found = await self.stage.get(f"{PATH}?{query}" if query else PATH, by)
        for one in (careful, found):
            del one.headers["x-request-id"]
        assert found.status_code == careful.status_code == 200
        assert _text(found) == _text(careful)
        assert dict(found.headers) == dict(careful.headers)
        return found

    async def ids(self, query: str = "", by: str = "bob") -> list[str]:
        return [card["video_id"] for card in (await self.same(query, by)).json()["items"]]


def _text(answer: httpx.Response) -> bytes:
    return answer.content.replace(answer.json()["request_id"].encode(), b"")


@pytest.fixture
async def town(
    tmp_path: Path, redis_client: redis.Redis, redis_reader: redis.asyncio.Redis, generations: Iterator[int]
) -> AsyncIterator[Town]:
    """bob follows ann and cat; ann published v0 to v9, cat w0."""
    generation = next(generations) + 5_000
    redis_client.set(LIVE_GENERATION, generation)
    made = Town(tmp_path, redis_client, redis_reader, generation)
    made.tell(registered("ann", 1), registered("bob", 2), registered("cat", 3), registered("eve", 4))
    made.tell(followed("bob", "ann", 5), followed("bob", "cat", 6), *playable("cat", "w0", 9))
    for number in range(10):
        made.tell(*playable("ann", f"v{number}", 10 + number))
    yield await made.warmed()
    made.watch.close()
    redis_client.delete(LIVE_GENERATION)


async def test_a_warm_page_is_the_careful_one(town: Town) -> None:
    for query in ("", "limit=1", "limit=10", "limit=11", "limit=12", "limit=50"):
        await town.same(query)
        before = town.from_memory
        assert len(await town.ids(query)) == min(int(query[6:] or 10), 11)
        assert town.from_memory == before + 1


CHANGES: dict[str, Callable[[], list[Event]]] = {
    "a video is deleted": lambda: [deleted("ann", "v9", 100)],
    "a video turns private": lambda: [described("ann", "v9", 100, visibility="private")],
    "a video is for followers": lambda: [described("ann", "v9", 100, visibility="followers")],
    "a title changes": lambda: [described("ann", "v8", 100, title='"new" ü')],
    "a video is published": lambda: playable("cat", "w1", 100),
    "somebody likes": lambda: [liked("eve", "v7", 100)],
    "the reader likes": lambda: [liked("bob", "v7", 100)],
    "the reader likes and no more": lambda: [liked("bob", "v7", 100), unliked("bob", "v7", 101)],
    "somebody shares": lambda: [shared("eve", "v7", 100)],
    "the reader unfollows": lambda: [unfollowed("bob", "ann", 100)],
    "the reader follows": lambda: [*playable("dan", "x0", 99), followed("bob", "dan", 100)],
    "a stranger registers": lambda: [registered("dan", 100)],
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_is_on_the_very_next_page(town: Town, change: str) -> None:
    before = _text(await town.stage.get(PATH, "bob"))
    assert _text(await town.stage.get(PATH, "bob")) == before
    town.tell(*CHANGES[change]())
    after = await town.stage.get(PATH, "bob")
    assert _text(after) == _text(await town.stage.get(f"{PATH}?x", "bob"))
    unseen = "a stranger registers", "the reader likes and no more"
    assert (_text(after) == before) == (change in unseen)
    await town.same("limit=3")


async def test_what_was_deleted_is_on_nobodys_page(town: Town) -> None:
    town.tell(followed("eve", "ann", 50))
    assert "v5" in await town.ids(by="eve")
    town.tell(deleted("ann", "v5", 100))
    found = await asyncio.gather(*(town.stage.get(PATH, by) for by in ("bob", "eve") * 4))
    assert not [one for one in found if b'"v5"' in one.content]


async def test_what_a_celebrity_publishes_is_there_at_once(town: Town) -> None:
    for nth, fan in enumerate(("bob", "eve", "ann")):
        town.tell(followed(fan, "dan", 20 + nth))
    town.tell(*playable("dan", "x0", 30))
    assert (await town.ids())[0] == "x0"
    before = town.from_memory
    assert (await town.ids())[0] == "x0"
    assert town.from_memory == before + 1
    town.tell(*playable("dan", "x1", 40))
    assert (await town.ids())[:2] == ["x1", "x0"]
    town.tell(deleted("dan", "x1", 50), deleted("dan", "x0", 51))
    assert (await town.ids())[0] == "v9"


async def test_a_picture_that_changes_is_beside_every_card(town: Town) -> None:
    town.tell(event("user.profile_updated", "ann", 100, user_id="ann", avatar_key="ann.jpg"))
    answer = await town.stage.get(PATH, "bob")
    faces = {card["creator"]["avatar_url"] for card in answer.json()["items"]}
    assert faces == {f"{MEDIA}/ann.jpg"}


async def test_served_pages_are_told_as_the_careful_way_tells_them(
    town: Town, redis_client: redis.Redis
) -> None:
    RedisLagWrites(redis_client, town.generation).tell([FoldLag("feed", "rf.video.v1", 0, 5, 9, 1)])
    await asyncio.sleep(0.6)  # what was read of the lags before is given again for half a second
    await town.stage.get(PATH, "bob")  # the mark that all is whole is news, too
    before = town.from_memory
    answers = [await town.stage.get(path, "bob") for path in (PATH, f"{PATH}?x")]
    assert town.from_memory == before + 1
    await town.stage.parts.background.close()
    told = {one["request_id"]: one for one in town.stage.log.events}
    warm, careful = (told[answer.json()["request_id"]] for answer in answers)
    own = ("event_id", "request_id", "occurred_at", "received_at")
    assert [warm.pop(name) for name in own] and [careful.pop(name) for name in own]
    assert warm == careful
    assert warm["positions"] and len(warm["items"]) == 10  # type: ignore[arg-type]


async def test_memory_is_bounded(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PAGES", "CARDS", "USERS"):
        monkeypatch.setattr(first_pages, name, 3)
    town.pages._forget()
    for reader in ("bob", "eve", "dan", "fay", "gus"):
        town.tell(followed(reader, "ann", 60))
        await town.same(by=reader)
        await town.same(by=reader)
    assert 0 < town.pages.held() <= 9


async def test_a_generation_that_was_lost_is_not_answered_from_memory(
    town: Town, redis_client: redis.Redis
) -> None:
    redis_client.set(whole(town.generation), 1)
    before = town.from_memory
    for _ in range(3):
        await town.same()
    assert town.from_memory > before
    redis_client.delete(whole(town.generation))
    assert (await town.stage.get(PATH, "bob")).status_code == 503
    redis_client.set(whole(town.generation), 1)
    await town.same()


async def test_a_flip_of_the_generation_is_seen_by_the_next_page(
    town: Town, redis_client: redis.Redis
) -> None:
    redis_client.set(LIVE_GENERATION, town.generation + 1_000_000)
    assert await town.ids() == []
    redis_client.set(LIVE_GENERATION, town.generation)
    assert len(await town.ids()) == 10


async def test_without_its_connection_pages_are_read_anew_and_it_comes_back(
    town: Town, redis_client: redis.Redis
) -> None:
    redis_client.client_kill_filter(_type="normal", skipme=True)
    before = town.from_memory
    town.tell(deleted("ann", "v9", 100))
    assert "v9" not in await town.ids()
    await asyncio.sleep(0.6)
    await town.stage.get(PATH, "bob")
    await town.watch.opened()
    for _ in range(3):
        await town.same()
    assert town.from_memory > before


async def test_without_news_every_page_is_read_anew(town: Town) -> None:
    town.watch.close()
    await asyncio.sleep(0.05)
    before = town.from_memory
    town.tell(deleted("ann", "v9", 100))
    assert "v9" not in await town.ids()
    assert town.from_memory == before


async def test_an_answer_that_does_not_come_is_not_waited_for_long(
    town: Town, redis_client: redis.Redis
) -> None:
    before = town.from_memory
    redis_client.client_pause(1_500, all=True)
    answer = await asyncio.wait_for(town.stage.get(PATH, "bob"), 10)
    assert (answer.status_code, town.from_memory) == (200, before)


async def test_changes_between_many_readers_never_show_an_old_page(town: Town) -> None:
    async def read() -> None:
        for _ in range(20):
            await town.stage.get(PATH, "bob")

    readers = [asyncio.create_task(read()) for _ in range(4)]
    for nth in range(12):
        await asyncio.to_thread(town.tell, liked(f"u{nth}", "v9", 200 + nth))
        (first, *_) = (await town.stage.get(PATH, "bob")).json()["items"]
        assert first["counts"]["likes"] == nth + 1
    await asyncio.gather(*readers)
