"""What the stages that fold share: a stack with the load, and a contender for each program."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from infra.bench.ground import Measured
from infra.bench.measure import Contender, Sample
from infra.bench.peers import FOLDER, java_of, measured, python_of
from infra.bench.workload import TOPICS, Load
from infra.cache import Cache
from infra.clients import clickhouse_client
from infra.kafka.config import connection
from infra.registry import load_book

OURS = "reelfold"
PARTITIONS = 4
SLOWLY = "bench-small."
"""Before the names of the topics of the small load."""
Tell = Callable[[str], None]
PEER_TABLE = """CREATE TABLE {table} (
    event_id UUID, event_type LowCardinality(String), actor_id String, video_id String,
    occurred_at DateTime64(3, 'UTC'), received_at DateTime64(3, 'UTC'), source String, device_id String,
    session_id String, request_id String, country LowCardinality(String), platform LowCardinality(String)
) ENGINE = ReplacingMergeTree ORDER BY event_id"""


class Disagree(Exception):
    """A contender that counts wrong is no contender."""


@dataclass(slots=True)
class Scene:
    """Servers, the load, and a smaller one for programs that would take all day."""

    ground: Measured
    small: Load
    runner: asyncio.Runner
    _turns: dict[str, int] = field(default_factory=dict)

    @property
    def load(self) -> Load:
        return self.ground.load

    def ours(
        self, sinks: str, done: Callable[[int], int], agree: Callable[[], None], **environment: str
    ) -> Contender:
        """The worker as shipped, with these sinks."""

        def once() -> Sample:
            sample = self.runner.run(self.ground.fold(sinks, done, **environment))
            agree()
            return sample

        return once

    def floor(self) -> Contender:
        """The lane's fetch and decoding alone."""
        book = json.loads(load_book(self.ground.settings).to_json())
        task = self._task(self.load, "") | {"book": book, "partitions": PARTITIONS}
        command = [sys.executable, "-m", "infra.bench.fetch_decode"]
        return lambda: measured(command, task, self.ground.pids("kafka"))

    def redis_peer(self, peer: str, slow: bool = False) -> Contender:
        """A peer that folds into Redis."""

        def agree(task: Mapping[str, Any], load: Load) -> None:
            same(peer, self.ground.counts(f"{task['prefix']}count:"), load)

        return self._peer(peer, slow, agree)

    def clickhouse_peer(self, peer: str, slow: bool = False) -> Contender:
        """A peer that inserts into a table of its own."""
        return self._peer(peer, slow, lambda task, load: self.whole(peer, task["table"], load))

    def both_peer(self, peer: str) -> Contender:
        """A peer that does both."""

        def agree(task: Mapping[str, Any], load: Load) -> None:
            same(peer, self.ground.counts(f"{task['prefix']}count:"), load)
            self.whole(peer, task["table"], load)

        return self._peer(peer, False, agree)

    def whole(self, who: str, table: str, load: Load) -> None:
        """Raise Disagree unless the table holds every event of the load once."""
        client = clickhouse_client(self.ground.settings)
        found = int(client.query(f"SELECT count() FROM {table} FINAL").result_rows[0][0])
        client.close()
        if found != load.unique:
            raise Disagree(f"{who} holds {found} events, and {load.unique} were sent")

    def _peer(self, peer: str, slow: bool, agree: Callable[[Mapping[str, Any], Load], None]) -> Contender:
        cache = Cache.from_env(os.environ)
        java = (FOLDER / peer).is_dir()
        command = java_of(peer, cache) if java else [python_of(peer, cache), str(FOLDER / f"{peer}.py")]
        load, named = (self.small, SLOWLY) if slow else (self.load, "")

        def once() -> Sample:
            self._turns[peer] = turn = self._turns.get(peer, 0) + 1
            task = self._task(load, named) | {
                "prefix": f"{peer}-{turn}:",
                "table": self._table(f"{peer}_{turn}"),
            }
            pids = self.ground.pids("kafka", "redis", "clickhouse")
            sample = measured(command, task, pids)
            agree(task, load)
            return sample

        return once

    def _table(self, name: str) -> str:
        client, table = (
            clickhouse_client(self.ground.settings),
            f"{self.ground.settings.clickhouse_database}.{name}",
        )
        client.command(PEER_TABLE.format(table=table))
        client.close()
        return table

    def _task(self, load: Load, named: str) -> dict[str, Any]:
        settings = self.ground.settings
        return {
            "bootstrap": settings.kafka_bootstrap,
            "redis_url": settings.redis_url.get_secret_value(),
            "clickhouse_url": settings.clickhouse_url,
            "clickhouse_user": settings.clickhouse_user,
            "clickhouse_password": settings.clickhouse_password.get_secret_value(),
            "events": load.events,
            "topics": [named + topic for topic in TOPICS],
            "schemas": {
                str(number): dict(schema.raw) for number, schema in load_book(settings).by_id.items()
            },
        }


@contextmanager
def scene(events: int, small_events: int, tell: Tell) -> Iterator[Scene]:
    """A stack with these loads in its log; taken down in the end."""
    ground, small = Measured(Load(7, events)), Load(8, min(events, small_events))
    with asyncio.Runner() as runner:
        try:
            runner.run(ground.ready_to_fold())
            admin = AdminClient(connection(ground.settings))
            for made in admin.create_topics(
                [NewTopic(SLOWLY + one, PARTITIONS, 1) for one in TOPICS]
            ).values():
                made.result(30)
            small.publish(ground.settings, load_book(ground.settings), SLOWLY)
            tell(f"{events} events of {ground.load.size / events:.0f} bytes are in the log")
            yield Scene(ground, small, runner)
        finally:
            runner.run(ground.down())


def same(who: str, found: Mapping[str, Mapping[str, int]], load: Load) -> None:
    """Raise Disagree unless these are the load's counts."""
    if found != load.counts:
        names = found.keys() | load.counts.keys()
        wrong = sorted(video for video in names if found.get(video) != load.counts.get(video))
        raise Disagree(
            f"{who} counts {len(wrong)} of {len(load.counts)} videos wrong, such as {wrong[0]}: "
            f"{found.get(wrong[0])}, and it was {load.counts.get(wrong[0])}"
        )
