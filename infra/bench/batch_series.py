"""The fold's rate against the size of its batches: what batching buys, and where it ends."""

from collections.abc import Callable, Mapping

from infra.bench.measure import Contender
from infra.bench.scene import OURS, Scene, Tell, same, scene

ROWS = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
AXES = ("rows of a batch, at most", "events/s")


def _redis(at: Scene, **environment: str) -> Contender:
    def agree() -> None:
        same(OURS, at.ground.own_counts(), at.load)

    return at.ours("redis", at.ground.folded, agree, **environment)


def _clickhouse(at: Scene, **environment: str) -> Contender:
    return at.ours("clickhouse", at.ground.loaded, lambda: None, **environment)


def _both(at: Scene, **environment: str) -> Contender:
    def done(generation: int) -> int:
        return min(at.ground.folded(generation), at.ground.loaded(generation))

    def agree() -> None:
        same(OURS, at.ground.own_counts(), at.load)

    return at.ours("redis,clickhouse", done, agree, **environment)


STAGES: Mapping[str, Callable[..., Contender]] = {
    "fold": _redis,
    "fold-clickhouse": _clickhouse,
    "fold-both": _both,
}
"""The stages that have such a series -> ours, on a scene, with an environment of its own."""


def batch_series(stage: str, events: int, tell: Tell) -> dict[str, list[tuple[float, float]]]:
    """One run of ours for each size; nothing for other stages."""
    if stage not in STAGES:
        return {}
    found: list[tuple[float, float]] = []
    with scene(events, 1_000, tell) as at:
        for rows in ROWS:
            sample = STAGES[stage](at, REELFOLD_BATCH_ROWS=str(rows))()
            found.append((rows, sample.rate))
            tell(f"batches of {rows} rows: {sample.rate:,.0f}/s, {sample.cpu_us:.1f} us/event")
    return {OURS: found}
