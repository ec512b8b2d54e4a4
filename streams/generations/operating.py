"""What the operators' commands work with: clients of both stores, the log's facts, what there is."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import redis
from clickhouse_connect.driver.exceptions import ClickHouseError

from infra.clients import clickhouse_client, redis_client
from infra.clock import Clock
from infra.kafka.config import producer
from infra.kafka.ops_facts import ANSWER_S, Fact, OpsLog, Told
from infra.kafka.publisher import Publisher
from infra.registry import load_book
from infra.settings import Settings
from infra.stack.kept import kept
from projections.analytics.asking import answering
from projections.position import StoreUnavailable
from projections.redis_ledger import key, store_errors
from streams.generations.generations import Generation, described, live_of
from streams.generations.standing import Bounds, Standing, bounds, standing
from streams.replay.ops_history import archived

TOLD_MS = 5_000
_TABLE = re.compile(r"[a-z_]+_g([1-9][0-9]*)")


@dataclass(slots=True)
class Operator:
    """One command's hands. Made by `operating`, which closes what it opened."""

    settings: Settings
    redis: redis.Redis
    clickhouse: Any
    ops: OpsLog
    publisher: Publisher
    facts: list[Told] = field(default_factory=list)

    def tell(self, fact: Fact) -> None:
        """Return once the log has the fact. Raises LogUnavailable."""
        self.publisher.publish_and_wait([fact], ANSWER_S)

    def refresh(self) -> Sequence[Told]:
        """All facts, with those that came since. Raises KafkaException."""
        self.facts += self.ops.news()
        return self.facts

    @property
    def live(self) -> int:
        """The live generation, by the facts read so far."""
        return live_of(self.facts)

    def standing(self, generation: int, log: Bounds) -> Standing:
        """Where a generation stands now. Raises StoreUnavailable."""
        return standing(self.settings, generation, log, self.redis, self.clickhouse)

    def is_folded(self, generation: int, clock: Clock) -> bool:
        """Whether a worker, here or elsewhere, told its lag lately: each does so every second."""
        with store_errors():
            told = self.redis.hvals(key(generation, "lag"))
        newest = max((orjson.loads(text)["at"] for text in told), default=0)
        return bool(clock.now_ms() - newest < TOLD_MS)

    def tables(self, generation: int) -> list[str]:
        """The names of a generation's tables in ClickHouse. Raises StoreUnavailable."""
        return [name for name in self._tables() if name.endswith(f"_g{generation}")]

    def numbers(self) -> list[int]:
        """Generations that have tables, a worker, or the pointer."""
        with_tables = {int(found[1]) for name in self._tables() if (found := _TABLE.fullmatch(name))}
        here = kept(self.settings.data, self.settings.generation)
        return sorted(with_tables | set(here) | {self.live})

    def generations(self) -> list[Generation]:
        """Every generation as it stands. Raises StoreUnavailable, KafkaException."""
        log, facts = bounds(self.settings), self.refresh()
        every = [self.standing(number, log) for number in self.numbers()]
        live = next(one for one in every if one.generation == self.live)
        here = kept(self.settings.data, self.settings.generation)
        return described(every, live, here, log, facts)

    def _tables(self) -> list[str]:
        with answering():
            found = self.clickhouse.query(
                "SELECT name FROM system.tables WHERE database = {d:String} AND engine != 'View'",
                parameters={"d": self.settings.clickhouse_database},
            )
        return sorted(str(name) for (name,) in found.result_rows)


@contextmanager
def operating(settings: Settings) -> Iterator[Operator]:
    """Hands for one command, the facts read. Raises StoreUnavailable, KafkaException, RegistryUnavailable."""
    client = redis_client(settings)
    book = load_book(settings)
    ops, publisher = (
        OpsLog(settings, book, archived(settings, book)),
        Publisher(producer(settings), book, ANSWER_S),
    )
    publisher.publish_and_wait([], ANSWER_S)  # it connects while the command looks around
    try:
        with answering():
            clickhouse = clickhouse_client(settings)
    except ClickHouseError as error:
        raise StoreUnavailable(f"ClickHouse does not answer: {error}") from error
    try:
        operator = Operator(settings, client, clickhouse, ops, publisher)
        operator.refresh()
        yield operator
    finally:
        publisher.close(ANSWER_S)
        ops.close()
        clickhouse.close()
        client.close()
