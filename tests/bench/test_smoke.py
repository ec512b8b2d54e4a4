"""One small round of the stages beside their peers and floors, on real servers: all agree, or it raises."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from infra.bench.fanout_stage import fanout_on
from infra.bench.feed_stage import feed_on
from infra.bench.growth_stage import growth_on
from infra.bench.latency_stage import latency_on
from infra.bench.measure import interleaved
from infra.bench.result import Result
from infra.bench.scene import OURS, Tell, same, scene
from infra.bench.stand import Stand, stand
from infra.bench.viral_stage import viral_on


@pytest.mark.e2e
def test_a_small_round_agrees_with_its_oracle() -> None:
    said: list[str] = []
    with scene(2_000, 200, said.append) as at:
        both = at.ours(
            "redis,clickhouse",
            lambda one: min(at.ground.folded(one), at.ground.loaded(one)),
            lambda: same(OURS, at.ground.own_counts(), at.load),
        )
        contenders = {OURS: both, "floor": at.floor(), "bare_both": at.both_peer("bare_both")}
        found = interleaved(contenders, 1, said.append)
    assert {len(samples) for samples in found.values()} == {1}
    assert all(one.rate > 0 and one.cpu_us > 0 for [one] in found.values())
    assert len(said) == 4


@pytest.fixture(scope="module")
def shared() -> Iterator[Stand]:
    """One stack for all stages that can share one."""
    with stand(lambda line: None) as at:
        yield at


Stage = Callable[[Stand, int, int, Tell], Result]


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("stage", "events"),
    [
        (partial(latency_on, shares=(1.0,)), 690),
        (feed_on, 500),
        (fanout_on, 600),
        (viral_on, 3_000),
        (growth_on, 12_000),
    ],
    ids=["latency", "feed", "fanout", "viral", "growth"],
)
def test_a_small_round_of_a_stage_agrees_with_its_oracle(shared: Stand, stage: Stage, events: int) -> None:
    result = stage(shared, events, 1, lambda line: None)
    said = result.document()
    assert said["ours"] > 0
    assert said["targets"] and said["notes"]
    assert all(one["rate"] > 0 and one["cpu_us"] >= 0 for one in result.figures.values())
    assert result.axes != ("", "")
    assert result.series and all(len(line) > 0 for line in result.series.values())
