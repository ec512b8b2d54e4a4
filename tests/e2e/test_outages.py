"""Servers are killed, frozen and emptied under load: nothing is lost, nothing counts twice."""

import asyncio
import time

import httpx
import pytest

from infra.clients import redis_client
from infra.demo.client import Client
from infra.demo.observe import Observer
from infra.demo.simulation import Simulated
from infra.kafka.publisher import Publisher
from tests.e2e.impostor import Impostor
from tests.e2e.stores import caught_up, in_redis
from tests.e2e.supervised import PRODUCE_DEADLINE_S, Stack
from tests.e2e.town import Town, agreed, bearer, by_person, post, settle_in
from tests.e2e.waiting import until
from tests.e2e.watching import Film


async def test_an_emptied_redis_is_filled_again(
    full_stack: Stack, client: Client, trusted: Publisher, film: Film
) -> None:
    town = Town.named("emptied")
    await settle_in(town, client, trusted)
    sent = town.load(seed=12, views=150)
    await by_person(client, sent)
    await agreed(client, town, sent)
    await caught_up(full_stack.settings)
    before = await in_redis(full_stack.settings)
    worker = full_stack.part("worker")

    with redis_client(full_stack.settings) as redis:
        redis.flushall()

    async def told_or_filled() -> bool:
        said = (await asyncio.to_thread(httpx.get, f"{full_stack.api}/readyz")).json()
        behind = said["status"] != "ready" or any(fold["lag"] for fold in said["folds"])
        return behind or await in_redis(full_stack.settings) == before

    await until(told_or_filled, "/readyz says that folds are behind", within_s=3)

    async def same() -> bool:
        return await in_redis(full_stack.settings) == before

    await until(same, "Redis holds what it held", 60)
    await full_stack.well()  # a worker said so: until then readers are told to come again
    await agreed(client, town, sent)
    assert httpx.get(f"{full_stack.api}/readyz").json()["status"] == "ready"
    assert full_stack.part("worker").pid == worker.pid, "no restart was needed"


async def test_a_worker_killed_in_the_middle_goes_on(
    full_stack: Stack, client: Client, trusted: Publisher
) -> None:
    town = Town.named("killed")
    await settle_in(town, client, trusted)
    sent = town.load(seed=13, views=600)
    said: list[int] = []
    posting = asyncio.create_task(post(client, sent, said))
    await _half_way(client, town, said, len(sent))
    was = full_stack.kill("worker")
    await full_stack.back(was)
    await posting
    await agreed(client, town, sent)
    assert full_stack.part("worker").restarts == was.restarts + 1
    await caught_up(full_stack.settings)
    await _each_event_once(client, town, sent)


async def test_without_kafka_reads_go_on_and_posts_are_told_to_come_again(
    full_stack: Stack, client: Client, trusted: Publisher, film: Film
) -> None:
    town = Town.named("waiting", users=3, videos=1)
    await settle_in(town, client, trusted)
    sent = [one for one in town.load(seed=14, views=60) if one.actor_id == town.users[0]]
    reads = ["/v1/feed/following", "/v1/feed/trending", f"/v1/videos/{film.video_id}"]
    reads += [f"/v1/videos/{film.video_id}/playback", f"/v1/videos/{town.ids[0]}"]
    who = bearer(client, town.users[0])
    batch = [one.event for one in sent]

    async with httpx.AsyncClient(base_url=full_stack.api, timeout=30) as http:
        was = full_stack.kill("kafka")
        with Impostor(full_stack.settings.kafka_bootstrap):
            begun = time.monotonic()
            refused = await http.post("/v1/events", json=batch, headers=who)
            took = time.monotonic() - begun
            answers = [(await http.get(path, headers=who)).status_code for path in reads]
            ready = await http.get("/readyz")
        assert answers == [200] * len(reads)
        assert ready.status_code == 200
        assert refused.status_code == 503, refused.text
        assert refused.headers["content-type"] == "application/problem+json"
        assert int(refused.headers["Retry-After"]) >= 1
        assert took < PRODUCE_DEADLINE_S + 1
        await full_stack.back(was)

        async def accepted() -> bool:
            again = await http.post("/v1/events", json=batch, headers=who)
            assert again.status_code in (202, 503), again.text
            return again.status_code == 202

        await until(accepted, "the same batch is accepted", 60)
    await agreed(client, town, sent)
    await full_stack.well()


async def test_without_clickhouse_feeds_go_on_and_it_catches_up(
    full_stack: Stack, client: Client, trusted: Publisher
) -> None:
    town = Town.named("analysed")
    await settle_in(town, client, trusted)
    sent = town.load(seed=15, views=400)
    early, late = sent[: len(sent) // 2], sent[len(sent) // 2 :]
    said: list[int] = []
    posting = asyncio.create_task(post(client, early, said))
    await _half_way(client, town, said, len(early))
    first = full_stack.kill("clickhouse")
    await posting
    await full_stack.back(first)

    second = full_stack.freeze("clickhouse")
    await by_person(client, late)
    expected = town.expected(sent)

    async def in_redis_only() -> bool:
        return await Observer(client)._redis_counts(town.ids) == expected

    await until(in_redis_only, "Redis goes on without ClickHouse")
    with pytest.raises(httpx.TimeoutException):
        await asyncio.to_thread(httpx.get, f"{full_stack.settings.clickhouse_url}/ping", timeout=0.5)
    full_stack.kill("clickhouse")
    await full_stack.back(second)
    await agreed(client, town, sent)
    await caught_up(full_stack.settings)
    await _each_event_once(client, town, sent)


async def _half_way(client: Client, town: Town, said: list[int], events: int) -> None:
    """Wait until a third was acknowledged and some of it is counted: the folds are in the middle of it."""

    async def counted() -> bool:
        counts = await Observer(client)._redis_counts(town.ids)
        return sum(said) > events // 3 and sum(one["views"] for one in counts.values()) > 0

    await until(counted, "a third of the load is on its way")
    assert sum(said) < events, "the load is not over yet"


async def _each_event_once(client: Client, town: Town, sent: list[Simulated]) -> None:
    """One row in ClickHouse for each event id, of the people of this town."""
    kinds = sorted({one.event["event_type"] for one in sent})
    sql = """SELECT count() AS n, uniqExact(event_id) AS ids FROM events
WHERE startsWith(actor_id, {town:String}) AND has(splitByChar(',', {kinds:String}), toString(event_type))"""
    (row,) = await client.query(sql, town=town.users[0].partition("-")[0] + "-", kinds=",".join(kinds))
    distinct = len({one.event["event_id"] for one in sent})
    assert (int(row["n"]), int(row["ids"])) == (distinct, distinct)
