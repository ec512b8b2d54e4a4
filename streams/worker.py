"""The worker's composition root: settings -> clients -> folds -> lanes -> agents -> the Faust worker.

`python -m streams.worker` runs it until SIGTERM or SIGINT.
"""

import streams.one_thread  # noqa: F401 - before anything imports Polars

# isort: split
import asyncio
import gc
import logging
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

import faust
from mode import Service

from infra import registry
from infra.clients import redis_client
from infra.clock import Clock, SystemClock
from infra.kafka.config import consumer, producer
from infra.settings import InvalidSettings, Settings
from infra.telemetry import Log, configure
from projections.lag import LagWrites, RedisLagWrites
from projections.position import FoldStore
from projections.trending.redis import RedisTrendingFold
from schemas.book import SchemaBook
from streams import app, folds, ops, ranking, running, standby, web
from streams.archive import archiving
from streams.batches.decoding import Decoder
from streams.exits import BUG, leave
from streams.folding import agents
from streams.folding.channel import BatchChannel
from streams.folding.hold import HoldWatch
from streams.folding.progress import Past, nothing
from streams.folding.runner import FoldRunner
from streams.generations.pointer import PointerKeeper
from streams.lane.intake import Intake
from streams.lane.lane import Lane
from streams.letters.parking import DeadLetterLimit, KafkaDeadLetters
from streams.transcode import effectors
from streams.watch import Watch, lags

_log = Log("streams")
AUDIT_S = 5.0
SESSION_MS = 8_000
LONGEST_PAUSE_MS = 900_000
"""How long a lane may go without a poll: it does not poll while it waits for the registry or to park."""


@dataclass(slots=True)
class Worker:
    """What runs in one process."""

    app: faust.App
    lanes: list[Lane] = field(default_factory=list)
    folds: list[FoldStore] = field(default_factory=list)
    effectors: list[Service] = field(default_factory=list)
    archivers: list[Service] = field(default_factory=list)
    watches: list[threading.Thread] = field(default_factory=list)


def build(
    settings: Settings,
    book: SchemaBook,
    sinks: Mapping[str, Sequence[FoldStore]],
    told: LagWrites,
    clock: Clock,
    hold: HoldWatch | None = None,
    pointer: PointerKeeper | None = None,
    past: Past = nothing,
) -> Worker:
    """A worker of these folds; starts nothing. Without a pointer its generation is taken for the live one."""
    worker = Worker(app.build(settings), watches=[one for one in (hold, pointer) if one is not None])
    for sink, members in sinks.items():
        parks = sink == folds.PARKS
        lane = make_lane(settings, sink, book, parks, None if parks else folds.looked_at(members))
        for fold in members:
            runner = FoldRunner(fold, lane.seek, clock, settings.accept_log_loss, past=past)
            if hold is not None:
                runner.bound = hold.bound
            channel = BatchChannel(worker.app)
            lane.add(runner, channel)
            agents.register(worker.app, channel, runner)
            worker.folds.append(fold)
        worker.lanes.append(lane)
    ops.register(worker.app)
    if settings.effectors:
        is_live = (lambda: True) if pointer is None else pointer.is_live
        worker.effectors.append(effectors.transcoder(worker.app, settings, book, clock, is_live))
    ranking.register(worker.app, [fold for fold in worker.folds if isinstance(fold, RedisTrendingFold)])
    watch = Watch(worker.lanes, told, clock)
    web.register(worker.app, worker.lanes, lambda: lags(worker.lanes, clock.now_ms()))
    _schedule(worker, watch)
    return worker


class First(Service):
    """Starts services before Faust's own, which wait until its consumer has joined its group: a second that
    lanes need not lose after a restart. They are stopped as if they had been started last: before the agents.
    """

    def __init__(self, faust_app: faust.App, services: Sequence[Service]) -> None:
        super().__init__()
        self._app, self._services = faust_app, services

    async def on_start(self) -> None:
        for service in self._services:
            await self._app.add_runtime_dependency(service)


def make_lane(
    settings: Settings, sink: str, book: SchemaBook, parks: bool, looked_at: frozenset[str] | None = None
) -> Lane:
    """The lane of one sink, without folds yet. ``looked_at``: the event types to decode, None for all."""
    group, stopping = f"reelfold.{sink}.g{settings.generation}", threading.Event()

    def wait(seconds: float) -> bool:
        return not stopping.wait(seconds)

    decoder = Decoder(book, lambda schema_id: registry.lookup(settings, schema_id), wait, looked_at)
    office = KafkaDeadLetters(producer(settings), group, _version(), wait) if parks else None
    limit = DeadLetterLimit(settings.dead_letter_run, settings.dead_letter_share)
    makes_parts = sink == folds.CLICKHOUSE
    age_ms = settings.clickhouse_batch_age_ms if makes_parts else settings.batch_age_ms
    intake = Intake(decoder, limit, office, settings.batch_rows, age_ms / 1000, eager=not makes_parts)
    return Lane(sink, lane_config(settings, sink, group), intake, stopping)


def _version() -> str:
    """What a dead letter says of the software that could not read it."""
    try:
        return version("reelfold")
    except PackageNotFoundError:
        return "source"


def lane_config(settings: Settings, sink: str, group: str) -> dict[str, object]:
    """The consumer's configuration: sticky, with a name of its own in the group, and short fetches."""
    return consumer(settings, group) | {
        "group.instance.id": f"{sink}-{settings.worker_slot}",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": SESSION_MS,
        "heartbeat.interval.ms": 1_500,
        "max.poll.interval.ms": LONGEST_PAUSE_MS,
        # A fetch costs the broker as much as a produce: it answers when this much is there, or so late.
        "fetch.wait.max.ms": 100 if sink == folds.CLICKHOUSE else 20,
        "fetch.min.bytes": 65_536,
        "fetch.error.backoff.ms": 100,
        # a full queue is looked at again soon: after librdkafka's own second it is long empty
        "fetch.queue.backoff.ms": 10,
        "queued.max.messages.kbytes": 16_384,  # a pause throws them away, and they are fetched again
        "topic.metadata.refresh.interval.ms": 30_000,
    }


def _schedule(worker: Worker, watch: Watch) -> None:
    """Lanes begin at once, all else when the app is up; positions are compared with the stores' again and
    again."""
    worker.app.add_dependency(First(worker.app, worker.lanes))

    @worker.app.task  # type: ignore[untyped-decorator]  # faust has no types
    async def begin() -> None:
        for service in (*worker.effectors, *worker.archivers):
            await worker.app.add_runtime_dependency(service)
        watch.begin(asyncio.get_running_loop())
        for thread in worker.watches:
            thread.start()
        gc.collect()
        gc.freeze()
        _log.info("worker_started", folds=[fold.name for fold in worker.folds])

    @worker.app.timer(AUDIT_S)  # type: ignore[untyped-decorator]
    async def audit() -> None:
        for lane in worker.lanes:
            for outlet in lane.outlets:
                await outlet.runner.audit()


def main() -> None:
    """Run a worker with the settings of the environment; one that is a standby begins when it is told to."""
    if standby.WAITING in sys.argv[1:]:
        running.load()
        standby.wait_for_turn()
    try:
        settings = Settings.from_env(os.environ)
        book = registry.load_book(settings)
    except (InvalidSettings, registry.RegistryUnavailable) as error:
        sys.exit(f"reelfold worker: {error}")
    configure(settings.log_level, "worker")
    for chatty in ("urllib3", "clickhouse_connect"):  # they tell of every try; the sink tells once
        logging.getLogger(chatty).setLevel(logging.ERROR)
    try:
        client = redis_client(settings)
        sinks = folds.every_fold(settings, settings.generation)
        told = RedisLagWrites(client, settings.generation, folds.places(sinks))
        sinks = {name: sinks[name] for name in filter(None, settings.sinks.split(","))}
        hold, pointer = HoldWatch(client, settings.generation), PointerKeeper(settings, book, client)
        past = archiving.past(settings, book) if settings.archive else nothing
        worker = build(settings, book, sinks, told, SystemClock(), hold, pointer, past)
        if settings.archive:
            worker.archivers.append(archiving.archiver(settings, book, SystemClock()))
    except InvalidSettings as error:
        sys.exit(f"reelfold worker: {error}")
    except Exception as error:
        leave(BUG, f"cannot start: {error!r}", error)
    worker.app.finalize()
    running.run(worker.app)


if __name__ == "__main__":
    main()
