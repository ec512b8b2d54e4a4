"""A generation is filled beside live, compared, promoted, rolled back, dropped, and no reader is failed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from infra.clients import redis_client
from infra.clock import SystemClock
from infra.demo.client import Client
from infra.kafka.publisher import Publisher
from infra.provision.steps import tables
from infra.settings import Settings
from projections.live import LIVE_GENERATION, LIVE_OFFSET, pointed
from streams.generations import promotion
from streams.generations.generations import Refused
from streams.generations.operating import Operator, operating
from streams.parity.parity import compare
from streams.replay.replaying import replay
from tests.e2e.supervised import Stack
from tests.e2e.town import Town, agreed, by_person, client_of, settle_in
from tests.e2e.waiting import until, until_true

GENERATION = 5
MARK, MORE = "as generation five has it", 1_000_000


@dataclass(slots=True)
class Seen:
    """What readers were answered: (title is the new one, views are the new ones) of every card."""

    cards: list[tuple[bool, bool]] = field(default_factory=list)
    rows: int = 0

    def mixed(self) -> int:
        return sum(title != views for title, views in self.cards)


async def test_promoted_and_rolled_back_under_readers(
    full_stack: Stack, client: Client, trusted: Publisher
) -> None:
    settings, town = full_stack.settings, Town.named("generations", videos=2)
    await settle_in(town, client, trusted)
    sent = town.load(seed=5, views=80)
    await by_person(client, sent)
    await agreed(client, town, sent)
    assert tables(settings.model_copy(update={"generation": GENERATION}))
    await asyncio.to_thread(replay, settings, GENERATION)
    video = town.ids[0]

    assert parity(full_stack)["equal"]
    mark(settings, video)
    told = parity(full_stack, code=1)
    assert (told["keys_differing"], told["rows_differing"]) == (2, 0)
    assert [one["name"] for one in told["examples"]] == [f"count:{video}", f"video:{video}"]
    assert told["examples"][1]["right"].count(MARK) == 1
    refused = full_stack.reelfold("promote", str(GENERATION))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "2 keys or rows differed" in refused.stderr

    async with reading(settings, video) as seen:
        await flipped(settings, lambda hands: promotion.promote(hands, CLOCK, GENERATION, unproved=True))
        await until(lambda: shows(client, video, True), "readers read generation 5")
        await worker_of(full_stack, "ready")
        await asyncio.to_thread(lose_pointer, settings)
        await flipped(settings, lambda hands: promotion.rollback(hands, CLOCK))
        await until(lambda: shows(client, video, False), "readers read generation 1 again")
    assert seen.mixed() == 0
    assert {(False, False), (True, True)} == set(seen.cards)
    assert seen.rows > 0

    again = town.load(seed=6, views=20)
    await by_person(client, again)
    await agreed(client, town, sent + again)
    with operating(settings) as hands:
        with pytest.raises(Refused, match="generation 1 is live"):
            promotion.drop(hands, CLOCK, 1)
        report = await asyncio.to_thread(compare, hands, CLOCK, 1, GENERATION)
        assert report.keys_differing == 2, "the worker beside live has folded on, and only the marks differ"
        freed = await asyncio.to_thread(promotion.drop, hands, CLOCK, GENERATION)
        assert freed.redis_keys > 50
        assert freed.clickhouse_tables >= 7
        assert hands.tables(GENERATION) == []
    assert not list(redis_client(settings).scan_iter(f"g{GENERATION}:*"))
    assert all(part.name != f"worker-g{GENERATION}" for part in full_stack.status().parts)


CLOCK = SystemClock()


def parity(stack: Stack, code: int = 0) -> dict[str, Any]:
    """`reelfold parity` as a user runs it."""
    done = stack.reelfold("parity", "1", str(GENERATION), "--json")
    assert done.returncode == code, done.stderr + done.stdout[-2000:]
    return dict(json.loads(done.stdout))


def mark(settings: Settings, video: str) -> None:
    """Change a video's title and its views in the new generation: two rooms that one card is made of."""
    client = redis_client(settings)
    name = f"g{GENERATION}:video:{video}"
    at, event_id, said = orjson.loads(str(client.hget(name, "described")))
    client.hset(name, "described", orjson.dumps([at, event_id, said | {"title": MARK}]))
    client.hincrby(f"g{GENERATION}:count:{video}", "views", MORE)
    client.close()


async def flipped(settings: Settings, act: Callable[[Operator], promotion.Flip]) -> None:
    """Move the pointer; under a second, but for a machine that is busy with something else."""

    def run() -> promotion.Flip:
        with operating(settings) as hands:
            return act(hands)

    flip = await asyncio.to_thread(run)
    assert flip.fact_ms + flip.pointers_ms < 5_000


def lose_pointer(settings: Settings) -> None:
    """What FLUSHALL does to the pointer; a worker brings it back from the log."""
    client = redis_client(settings)
    client.delete(LIVE_GENERATION, LIVE_OFFSET)
    asyncio.run(until_true(lambda: pointed(client) == GENERATION, "the pointer is back", 30))
    client.close()


async def shows(client: Client, video: str, marked: bool) -> bool:
    return ((await client.get(f"/v1/videos/{video}"))["title"] == MARK) is marked


async def worker_of(stack: Stack, state: str) -> None:
    def there() -> bool:
        return any(
            part.name == f"worker-g{GENERATION}" and part.state == state for part in stack.status().parts
        )

    await until_true(there, f"generation {GENERATION}'s worker is {state}", 90)


@asynccontextmanager
async def reading(settings: Settings, video: str) -> AsyncIterator[Seen]:
    """Readers of the API and of ClickHouse's plain names who never pause; an answer that fails is raised."""
    seen, over = Seen(), asyncio.Event()
    one = client_of(settings)

    async def cards() -> None:
        while not over.is_set():
            card = await one.get(f"/v1/videos/{video}")
            seen.cards.append((card["title"] == MARK, card["counts"]["views"] >= MORE))

    async def rows() -> None:
        while not over.is_set():
            (row,) = await one.query("SELECT count() AS n FROM events")
            assert int(row["n"]) > 0
            seen.rows += 1

    readers = [asyncio.create_task(reader()) for reader in (cards, cards, rows)]
    try:
        yield seen
    finally:
        over.set()
        await asyncio.gather(*readers)
        await one.close()
