"""One small round of the fold beside a peer and the floor, on real servers: all agree, or it raises."""

import pytest

from infra.bench.measure import interleaved
from infra.bench.scene import OURS, same, scene


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
