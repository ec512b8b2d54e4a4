"""The pointer in Redis comes back from the log, after FLUSHALL or a crash, and never goes back by itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from infra.kafka.config import producer
from infra.kafka.ops_facts import OpsLog, every_fact, made
from infra.kafka.publisher import Publisher
from infra.settings import Settings
from projections.live import LIVE_GENERATION, LIVE_OFFSET, point, pointed
from streams.generations.generations import live_of
from streams.generations.pointer import PointerKeeper
from tests.streams.kafka import BOOK, Log

pytest_plugins = ["tests.redis_server"]
pytestmark = pytest.mark.servers


@pytest.fixture
def settings(log: Log, tmp_path: Path, clickhouse_away: None) -> Settings:
    (tmp_path / "schemas.json").write_text(BOOK.to_json(), "utf-8")
    return log.settings.model_copy(update={"data": tmp_path, "generation": 3})


@pytest.fixture
def clickhouse_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The views have a test of their own (tests/e2e/test_generations.py)."""
    monkeypatch.setattr(PointerKeeper, "_show", lambda self, generation: None)


@pytest.fixture
def client(redis_client: redis.Redis) -> Iterator[redis.Redis]:
    redis_client.delete(LIVE_GENERATION, LIVE_OFFSET)
    yield redis_client
    redis_client.delete(LIVE_GENERATION, LIVE_OFFSET)


def test_what_the_log_says_is_kept_in_redis(settings: Settings, client: redis.Redis) -> None:
    publisher = Publisher(producer(settings), BOOK)

    def promote(generation: int) -> None:
        fact = made("generation.promoted", "run-1", 5, generation=generation, previous=1)
        publisher.publish_and_wait([fact], 10)

    promote(2)
    keeper, log = PointerKeeper(settings, BOOK, client), OpsLog(settings, BOOK)
    assert not keeper.is_live(), "nothing is known yet, and no effector may work"
    keeper.round(log, 0)
    assert (keeper.live, pointed(client), keeper.is_live()) == (2, 2, False)

    promote(3)  # by a command that died right after
    keeper.round(log, 5.0)
    assert (pointed(client), keeper.is_live()) == (3, True)
    client.delete(LIVE_GENERATION, LIVE_OFFSET)
    keeper.round(log, 0)
    assert pointed(client) == 3
    promote(1)
    assert live_of(every_fact(settings, BOOK)) == 1
    late, offset = OpsLog(settings, BOOK), int(client.get(LIVE_OFFSET) or 0)
    PointerKeeper(settings, BOOK, client).round(late, 0)
    assert not point(client, 3, offset, late.end), "a fact that is older changes nothing"
    assert pointed(client) == 1
    for one in (log, late):
        one.close()
    publisher.close()


def test_an_offset_of_a_log_that_is_gone_does_not_stand_in_the_way(client: redis.Redis) -> None:
    assert point(client, 2, 900, 901)
    assert point(client, 3, 4, 5), "the log ends at 5: 900 was another one's"
    assert not point(client, 3, 4, 5)
    assert pointed(client) == 3
