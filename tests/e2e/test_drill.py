"""The disaster drill: both stores emptied, the log cut down to what the archive does not hold; one command
brings all of it back, without an encoder, to the same content."""

import asyncio
import json
from typing import Any

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from infra.clients import clickhouse_client, redis_client
from infra.demo.client import Client
from infra.kafka.config import connection
from infra.kafka.publisher import Publisher
from infra.settings import Settings
from projections.live import FIRST, pointed
from streams.archive.archiver import ARCHIVED_TOPICS
from streams.archive.archiving import archive
from tests.e2e.stores import Place, caught_up, ends, in_clickhouse, in_redis
from tests.e2e.supervised import ARCHIVE_ROWS, Stack
from tests.e2e.test_replay import _encoders, _ends_of
from tests.e2e.town import Town, agreed, by_person, settle_in
from tests.e2e.waiting import until, until_true
from tests.e2e.watching import Film


async def test_one_command_brings_everything_back(
    full_stack: Stack, client: Client, trusted: Publisher, film: Film
) -> None:
    settings, town = full_stack.settings, Town.named("drilled")
    await settle_in(town, client, trusted)
    sent = town.load(seed=17, views=500)
    await by_person(client, sent)
    await agreed(client, town, sent)
    held = await _archived(settings)
    assert any(reached > 0 for reached in held.values())
    with redis_client(settings) as redis:
        live = pointed(redis) or FIRST
    await caught_up(settings, live)
    before = await in_redis(settings, live), in_clickhouse(settings, live)
    media = _ends_of("rf.media.v1", settings)
    worker = full_stack.part("worker")

    _let_go(settings, held)
    _drop_tables(settings)
    with redis_client(settings) as redis:
        redis.flushall()
    said, encoders = await _watched_recovery(full_stack)

    assert said["from_archive"] > 0
    assert said["caught_up"]
    assert said["tables_made"]
    await caught_up(settings, live)
    after = await in_redis(settings, live), in_clickhouse(settings, live)
    for room, content in before[0].items():
        assert content == after[0][room], room
    assert before[1] == after[1]
    await agreed(client, town, sent)
    assert encoders == 0
    assert _ends_of("rf.media.v1", settings) == media
    assert full_stack.part("worker").pid == worker.pid, "no worker had to be restarted"

    more = town.load(seed=18, views=50)
    await by_person(client, more)
    await agreed(client, town, [*sent, *more])
    checked = await asyncio.to_thread(full_stack.reelfold, "archive", "status", "--json")
    assert checked.returncode == 0, checked.stderr
    assert sum(one["rows"] for one in json.loads(checked.stdout)) >= said["from_archive"]
    verified = await asyncio.to_thread(full_stack.reelfold, "archive", "verify")
    assert (verified.returncode, verified.stdout.split()[-2:]) == (0, ["0", "wrong"])


async def _archived(settings: Settings) -> dict[Place, int]:
    """How far the archive reaches, once it holds every range that is closed."""
    kept = archive(settings)

    def reached() -> dict[Place, int]:
        kept.refresh()
        return {place: kept.reach(place, 0) for place in ends(settings) if place[0] in ARCHIVED_TOPICS}

    def is_whole() -> bool:
        here = ends(settings)
        return all(at >= here[place] - here[place] % ARCHIVE_ROWS for place, at in reached().items())

    await until_true(is_whole, "every closed range is archived", 60)
    return await asyncio.to_thread(reached)


def _let_go(settings: Settings, held: dict[Place, int]) -> None:
    """Take from the log what the archive holds."""
    gone = [TopicPartition(*place, reached) for place, reached in held.items() if reached]
    admin = AdminClient(connection(settings))
    for deleted in admin.delete_records(gone, request_timeout=30).values():
        deleted.result(60)


def _drop_tables(settings: Settings) -> None:
    """Every table and view of ours; what was once applied to them is still in the ledger."""
    client = clickhouse_client(settings)
    found = client.query(
        "SELECT name, engine FROM system.tables WHERE database = {d:String} AND name != 'migrations'",
        parameters={"d": settings.clickhouse_database},
    ).result_rows
    assert found
    for name, engine in sorted(found, key=lambda one: not str(one[1]).endswith("View")):
        kind = "VIEW" if engine == "View" else "TABLE"
        client.command(f"DROP {kind} {settings.clickhouse_database}.{name} SYNC")
    client.close()


async def _watched_recovery(stack: Stack) -> tuple[dict[str, Any], int]:
    """`reelfold recover`; meanwhile count the encoders that run anywhere."""
    running = asyncio.create_task(asyncio.to_thread(stack.reelfold, "recover", "--json", timeout_s=300))
    encoders = 0

    async def over() -> bool:
        nonlocal encoders
        encoders += await asyncio.to_thread(_encoders, stack.part("worker").pid)
        return running.done()

    await until(over, "everything is back", 300)
    done = await running
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), encoders
