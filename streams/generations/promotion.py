"""Promoting a generation, going back, dropping one: the steps, in an order that any crash leaves whole.

The fact first, for it is the truth; then ClickHouse's views, then Redis' pointer. Whoever dies in between
leaves the rest to the workers (streams/generations/pointer.py), which do the same from the log.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.clickhouse.migrate import point_views
from infra.clock import Clock
from infra.kafka.ops_facts import made, new_run_id
from infra.stack.kept import keep, kept, let_go
from infra.stack.status import read_status
from infra.stack.workers import name_of
from projections.analytics.asking import answering
from projections.live import point
from projections.redis_ledger import key, store_errors
from streams.generations.generations import BEHIND, Refused, before, may_promote
from streams.generations.operating import Operator
from streams.generations.pointer import last_promotion
from streams.generations.standing import bounds

UNLINKED = 500
"""Keys in one UNLINK: about a millisecond in which Redis serves nobody else."""
SCANNED = 1_000
RETIRE_S = 60.0
"""How long a dropped generation's worker may take to end."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A pointer that was moved, and how long that took."""

    generation: int
    previous: int
    rollback: bool
    parity_run_id: str | None
    fact_ms: float
    """Until the log had the fact: from then on it is true, whatever becomes of the command."""
    pointers_ms: float
    """From there until both stores' readers read the new one."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was freed."""

    generation: int
    redis_keys: int
    clickhouse_tables: int


def promote(
    operator: Operator,
    clock: Clock,
    generation: int,
    most_behind: int = BEHIND,
    unproved: bool = False,
    incomplete: bool = False,
) -> Flip:
    """Let this generation be read. Raises Refused; StoreUnavailable, LogUnavailable, KafkaException."""
    facts, log = operator.refresh(), bounds(operator.settings)
    candidate, live = operator.standing(generation, log), operator.standing(operator.live, log)
    proof = may_promote(candidate, live, facts, most_behind, unproved, incomplete)
    return _flip(operator, clock, generation, proof.run_id if proof else None)


def rollback(operator: Operator, clock: Clock, most_behind: int = BEHIND, incomplete: bool = False) -> Flip:
    """Go back to the generation that was live before. Raises as `promote`; asks for no proof: it was live."""
    facts, log = operator.refresh(), bounds(operator.settings)
    previous = before(facts)
    candidate, live = operator.standing(previous, log), operator.standing(operator.live, log)
    may_promote(candidate, live, facts, most_behind, unproved=True, incomplete=incomplete)
    return _flip(operator, clock, previous, None, rollback=True)


def drop(operator: Operator, clock: Clock, generation: int) -> Dropped:
    """Free a generation's keys and tables, and end its worker. What was begun goes on when called again.

    Raises Refused for the live one, and while a worker somewhere still folds it.
    """
    operator.refresh()
    if generation == operator.live:
        raise Refused(f"generation {generation} is live: promote another one first")
    settings = operator.settings
    if generation not in operator.numbers() and not operator.standing(generation, bounds(settings)).positions:
        raise Refused(f"there is no generation {generation}: see `reelfold generations`")
    let_go(settings.data, settings.generation, generation)
    _await_rest(operator, clock, generation)
    tables = operator.tables(generation)
    database = settings.clickhouse_database
    with answering():
        for name in tables:
            operator.clickhouse.command(f"DROP TABLE IF EXISTS {database}.{name} SYNC")
        operator.clickhouse.command(
            f"ALTER TABLE {database}.migrations DELETE WHERE generation = {{g:UInt32}}",
            parameters={"g": generation},
            settings={"mutations_sync": 1},
        )
    freed = sum(_unlinked(operator, generation))
    result = Dropped(generation, freed, len(tables))
    now = clock.now_ms()
    fact = made(
        "generation.dropped", new_run_id(now), now,
        generation=generation, redis_keys=freed, clickhouse_tables=len(tables),
    )  # fmt: skip
    operator.tell(fact)
    return result


def _flip(
    operator: Operator, clock: Clock, generation: int, proof: str | None, rollback: bool = False
) -> Flip:
    settings, previous = operator.settings, operator.live
    for one in (previous, generation):  # both go on being folded: going back must lose nothing
        keep(settings.data, settings.generation, one)
    now = clock.now_ms()
    told = made(
        "generation.promoted", new_run_id(now), now,
        generation=generation, previous=previous, rollback=rollback, parity_run_id=proof,
    )  # fmt: skip
    begun = time.perf_counter()
    operator.tell(told)
    last = last_promotion(operator.refresh())
    if last is None or last.fact["event_id"] != told["event_id"]:
        raise Refused("another promotion came at the same moment; see `reelfold generations`")
    true = time.perf_counter()
    with answering():
        point_views(operator.clickhouse, generation, settings.clickhouse_database)
    point(operator.redis, generation, last.offset, operator.ops.end)
    done = time.perf_counter()
    return Flip(generation, previous, rollback, proof, 1000 * (true - begun), 1000 * (done - true))


def _await_rest(operator: Operator, clock: Clock, generation: int) -> None:
    """Wait until nobody folds the generation: keys that are freed must not come again."""
    settings = operator.settings
    part, until = name_of(settings, generation), time.monotonic() + RETIRE_S
    while _runs(settings.data, part) or operator.is_folded(generation, clock):
        if generation in kept(settings.data, settings.generation) or time.monotonic() > until:
            raise Refused(f"a worker still folds generation {generation}: stop it, then drop it again")
        time.sleep(0.2)


def _runs(data: Path, part: str) -> bool:
    status = read_status(data)
    return status.running and any(one.name == part and one.pid for one in status.parts)


def _unlinked(operator: Operator, generation: int) -> Iterator[int]:
    """Free the generation's keys, a bounded number at a time."""
    cursor, batch = 0, list[str]()
    with store_errors():
        while True:
            cursor, names = operator.redis.scan(cursor, match=key(generation, "*"), count=SCANNED)
            batch += map(str, names)
            while batch and (len(batch) >= UNLINKED or cursor == 0):
                some, batch = batch[:UNLINKED], batch[UNLINKED:]
                yield int(operator.redis.unlink(*some))
            if cursor == 0:
                return
