"""`reelfold recover`: everything that can be lost, brought back from the archive and the log, in one go."""

import time
from dataclasses import dataclass
from functools import partial

from infra.clickhouse.migrate import point_views
from infra.clients import clickhouse_client, redis_client
from infra.clock import Clock
from infra.kafka.ops_facts import Told, made, new_run_id, tell
from infra.provision import steps
from infra.settings import Settings
from infra.stack.kept import kept
from infra.telemetry import Log
from projections.analytics.asking import answering
from projections.live import FIRST, point
from schemas.topics import OPS
from streams.folds import every_fold
from streams.generations.pointer import last_promotion
from streams.replay.command import Request, is_folded, run
from streams.replay.lane import patiently
from streams.replay.plan import Bounds, Refused, cuts
from streams.replay.replay import ReplayReport
from streams.replay.replaying import Tell, decoder, opened, silently
from streams.replay.source import Source

_log = Log("streams")
ROWS = 1_000
CATCH_UP_S = 120.0
"""How long a worker may take to fold what came since; it goes on afterwards all the same."""


@dataclass(frozen=True, slots=True)
class Live:
    """The live generation, and the fact that says so, if there was ever one."""

    generation: int
    told: Told | None = None
    forgotten: bool = False
    """The fact is in the archive only: workers that read the log cannot know."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was done."""

    report: ReplayReport
    tables: tuple[str, ...]
    told_again: bool
    caught_up: bool


def recover(settings: Settings, clock: Clock, hear: Tell = silently) -> Recovery:
    """Provision, replay into the live generation and those that are kept beside it, set the pointers, wait
    for the folds to reach the log's end.

    Raises what `replay_command.run` raises, and ProvisionFailed.
    """
    for name in ("topics", "buckets"):
        steps.one_step(settings, name)
    with opened(settings) as source:
        live = live_of(settings, source)
    made_tables = tables(settings, live.generation)
    report = _filled(settings, live.generation, clock, hear)
    _point(settings, live, clock)
    for beside in {*kept(settings.data, settings.generation)} - {live.generation}:
        made_tables += tables(settings, beside)
        _filled(settings, beside, clock, hear)
    return Recovery(report, tuple(made_tables), live.forgotten, _caught_up(settings, live.generation))


def _filled(settings: Settings, generation: int, clock: Clock, hear: Tell) -> ReplayReport:
    try:
        return run(settings, Request(generation), generation, clock, hear)
    except Refused:
        return ReplayReport(generation)  # a worker is at it, and the log holds all that it needs


def live_of(settings: Settings, source: Source) -> Live:
    """The live generation by rf.ops.v1, from its beginning, whether archive or log holds it."""
    key, facts = (OPS, 0), list[Told]()
    low, high = source.log.bounds(key)
    start = source.view(key).low
    reading = decoder(settings, source.archive)
    for piece in source.read(key, start, high, ROWS):
        batch, _ = reading.assemble(piece.run, piece.schemas)
        facts += [Told(int(row["offset"]), row) for row in batch.rows()]
    last = last_promotion(facts)
    if last is None:
        return Live(FIRST)
    return Live(int(last.fact["generation"]), last, forgotten=last.offset < low)


def tables(settings: Settings, generation: int) -> list[str]:
    """Make a generation's tables; the migrations applied. Raises ProvisionFailed."""
    return steps.one_step(settings.model_copy(update={"generation": generation}), "tables")


def _point(settings: Settings, live: Live, clock: Clock) -> None:
    """Both stores' pointers at the live generation; the log is told again what it has let go of."""
    if live.told is None:
        return
    offset = live.told.offset
    if live.forgotten:
        again = made(
            "generation.promoted", new_run_id(clock.now_ms()), clock.now_ms(),
            generation=live.generation, previous=int(live.told.fact["previous"]),
            rollback=False, parity_run_id=None,
        )  # fmt: skip
        tell(settings, again)
    with answering():
        client = clickhouse_client(settings)
        point_views(client, live.generation, settings.clickhouse_database)
        client.close()
    with redis_client(settings) as client:
        point(client, live.generation, offset, offset + 1)


def _caught_up(settings: Settings, generation: int) -> bool:
    """Wait for a worker to fold what the replay left to it; False when it is not done, or there is none."""
    folds = [fold for members in every_fold(settings, generation).values() for fold in members]
    deadline = time.monotonic() + CATCH_UP_S
    with opened(settings) as source:
        ends = cuts(source, folds, Bounds())
        while True:
            behind = [
                place
                for fold in folds
                for place, end in ends.items()
                if place[0] == fold.name and (patiently(partial(fold.position, *place[1:])) or 0) < end
            ]
            if not behind:
                return True
            if time.monotonic() > deadline or not is_folded(settings, generation):
                return False
            time.sleep(0.5)
