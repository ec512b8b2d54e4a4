"""Are two generations the same? Both stand still at one position vector and are summed up there.

1 freeze both, 2 take the elementwise greatest of all their folds' positions, 3 let them go on to exactly
there, 4 wait until they stand, 5 sums of both stores side by side, 6 release. Readers read on all the while;
what is new in the log becomes visible that much later. A generation without a worker is brought there by
the replay, in this process.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from infra.clock import Clock
from infra.kafka.ops_facts import new_run_id
from streams.generations.generations import Refused
from streams.generations.operating import Operator
from streams.generations.standing import bounds
from streams.parity.clickhouse import ClickHouseGenerations
from streams.parity.keys import Content
from streams.parity.reach import Bring, Reach
from streams.parity.redis import Differing, RedisGeneration, differing
from streams.parity.report import MOST_SHOWN, Report
from streams.replay.replaying import bring_to

HOLD_S = 60.0


def compare(
    operator: Operator,
    clock: Clock,
    left: int,
    right: int,
    hold_s: float = HOLD_S,
    bring: Bring = bring_to,
) -> Report:
    """Compare, and tell the log what was found. Raises Refused, StoreUnavailable, KafkaException,
    LogUnavailable; whatever it raises, the folds go on."""
    log = bounds(operator.settings)
    for generation in (left, right):
        if not operator.standing(generation, log).positions:
            raise Refused(f"there is no generation {generation}: see `reelfold generations`")
    reach = Reach(operator, clock, (left, right), hold_s, new_run_id(clock.now_ms()), log, bring)
    reach.approach()
    begun = time.perf_counter()
    try:
        while True:
            report = Report(reach.run_id, left, right, reach.stand())
            _measure(operator, report)
            if reach.stood(report.vector):
                break
    finally:
        reach.release()
    report.held_ms = round(1000 * (time.perf_counter() - begun))
    operator.tell(report.fact(clock.now_ms()))
    return report


def _measure(operator: Operator, report: Report) -> None:
    """Both stores at once: they wait for different servers."""
    with ThreadPoolExecutor(1) as pool:
        redis = pool.submit(_redis, operator, report)
        _clickhouse(operator, report)
        redis.result()


def _redis(operator: Operator, report: Report) -> None:
    begun = time.perf_counter()
    sides = [
        RedisGeneration(operator.redis, number, operator.settings) for number in (report.left, report.right)
    ]
    one, other = (side.content() for side in sides)
    report.redis = {
        kind: (one.sums.get(kind), other.sums.get(kind))
        for kind in sorted(one.sums.keys() | other.sums.keys())
    }
    if not _same(one, other):
        report.keys_differing, found = differing(sides[0], sides[1], one, other, MOST_SHOWN)
        report.examples += found
    report.redis_ms = round(1000 * (time.perf_counter() - begun))


def _clickhouse(operator: Operator, report: Report) -> None:
    begun = time.perf_counter()
    database = operator.settings.clickhouse_database
    both = ClickHouseGenerations(operator.clickhouse, database, report.left, report.right)
    shapes = both.shapes()
    report.settled = both.settle(shapes)
    report.kinds = both.kinds()
    for shape in shapes:
        left, right, parts = both.sums(shape)
        report.tables[shape.name] = left, right
        if parts:
            number, keys = both.differing(shape, parts, MOST_SHOWN)
            report.rows_differing += number
            shown = [(row, *both.values(shape, row)) for row in keys]
            report.examples += [Differing(f"{shape.name} {row}", *values) for row, *values in shown]
    report.clickhouse_ms = round(1000 * (time.perf_counter() - begun))


def _same(one: Content, other: Content) -> bool:
    return bool(np.array_equal(one.keys, other.keys) and np.array_equal(one.values, other.values))
