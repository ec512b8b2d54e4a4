"""Stages `fold`, `fold-clickhouse` and `fold-both`: from the log into the stores by the worker as shipped.

All end with the oracle's counts, or the stage fails. The peers make counts, likes and seen, or one row an
event; ours makes trends, views, edges and rollups too, and moves its position with every change.
"""

from infra.bench.inserting import arrow_floor
from infra.bench.measure import Contender, Runs, interleaved, ratio
from infra.bench.result import Result, Target, figures
from infra.bench.scene import OURS, Scene, Tell, same, scene
from projections.analytics.queries import Tables

FLOOR, ARROW = "fetch and decode", "the same Arrow batches"
SMALL_EVENTS = 20_000
ROW_EVENTS = 2_000


def fold(events: int, runs: int, tell: Tell) -> Result:
    """Kafka -> Redis."""
    with scene(events, SMALL_EVENTS, tell) as at:
        contenders: dict[str, Contender] = {
            OURS: at.ours("redis", at.ground.folded, lambda: same(OURS, at.ground.own_counts(), at.load)),
            FLOOR: at.floor(),
            "bare_loop": at.redis_peer("bare_loop"),
            "bytewax_flow": at.redis_peer("bytewax_flow"),
            "kafka_streams": at.redis_peer("kafka_streams"),
            "pathway_static": at.redis_peer("pathway_static"),
            "stock_faust": at.redis_peer("stock_faust", slow=True),
            "quix": at.redis_peer("quix", slow=True),
        }
        found = interleaved(contenders, runs, tell)
        notes = [_about(at), f"stock_faust and quix fold {at.small.events} events, as the rest does"]
    best = _best(found, FLOOR)
    targets = [
        Target("25 times stock Faust", 25, ratio(found, OURS, "stock_faust")),
        Target(f"3 times the best peer ({best})", 3, ratio(found, OURS, best)),
        Target("a third of fetch and decode alone", 1 / 3, ratio(found, OURS, FLOOR)),
    ]
    return Result("fold", OURS, "events/s", figures(found), targets, FLOOR, notes)


def fold_clickhouse(events: int, runs: int, tell: Tell) -> Result:
    """Kafka -> ClickHouse rows."""
    with scene(events, ROW_EVENTS, tell) as at:
        contenders: dict[str, Contender] = {
            OURS: at.ours("clickhouse", at.ground.loaded, lambda: _rows(at)),
            ARROW: arrow_floor(at.ground),
            "clickhouse_json": at.clickhouse_peer("clickhouse_json"),
            "clickhouse_bytewax": at.clickhouse_peer("clickhouse_bytewax"),
            "clickhouse_rows": at.clickhouse_peer("clickhouse_rows", slow=True),
        }
        found = interleaved(contenders, runs, tell)
        notes = [_about(at), f"clickhouse_rows inserts {at.small.events} events"]
    best = _best(found, ARROW)
    targets = [
        Target(f"3 times the best peer ({best})", 3, ratio(found, OURS, best)),
        Target("a third of inserting the same Arrow batches", 1 / 3, ratio(found, OURS, ARROW)),
    ]
    return Result("fold-clickhouse", OURS, "events/s", figures(found), targets, ARROW, notes)


def fold_both(events: int, runs: int, tell: Tell) -> Result:
    """Both at once, from one process."""
    with scene(events, 1_000, tell) as at:

        def agree() -> None:
            same(OURS, at.ground.own_counts(), at.load)
            _rows(at)

        contenders: dict[str, Contender] = {
            OURS: at.ours(
                "redis,clickhouse", lambda one: min(at.ground.folded(one), at.ground.loaded(one)), agree
            ),
            "bare_both": at.both_peer("bare_both"),
            "bytewax_both": at.both_peer("bytewax_both"),
        }
        found = interleaved(contenders, runs, tell)
        notes = [_about(at)]
    best = _best(found, "")
    targets = [Target(f"3 times the best peer ({best})", 3, ratio(found, OURS, best))]
    return Result("fold-both", OURS, "events/s", figures(found), targets, "", notes)


def _rows(at: Scene) -> None:
    ours = Tables(at.ground.settings.clickhouse_database, at.ground.generation)
    at.whole(OURS, ours.named("events"), at.load)


def _best(found: Runs, floor: str) -> str:
    rates = {name: one["rate"] for name, one in figures(found).items() if name not in (OURS, floor)}
    return max(rates, key=lambda name: rates[name])


def _about(at: Scene) -> str:
    return f"{at.load.events} events of {at.load.size / at.load.events:.0f} bytes of Avro"
