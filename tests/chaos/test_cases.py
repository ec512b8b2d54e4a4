"""A few cases of the fault matrix, for real; all of them are `make chaos`."""

import asyncio

import pytest

from infra.chaos.case import Case
from infra.chaos.random_mode import slope
from infra.chaos.runner import Runner
from infra.chaos.sink_cases import SCRIPT, answers_lost
from infra.chaos.table import BY_NAME, CASES
from infra.chaos.worker_cases import killed_at

FEW = (
    Case("test-after-sink", "killed once", killed_at("after_sink", 20, rounds=1), rate=60),
    Case(
        "test-answer-lost",
        "Redis commits, its answer is lost",
        answers_lost("redis", SCRIPT, 2, rounds=1),
        rate=60,
    ),
)


@pytest.mark.servers
@pytest.mark.e2e
def test_nothing_is_lost_and_nothing_is_there_twice() -> None:
    said: list[str] = []
    outcomes = asyncio.run(Runner(seed=3, say=said.append).run(FEW))
    assert [one for one in outcomes if not one.good] == [], "\n".join(said)
    assert all(one.acknowledged > 100 for one in outcomes)
    assert outcomes[0].kills == 1
    assert outcomes[0].redelivered > 0
    assert outcomes[1].figures["requests_cut"] > 0


def test_every_case_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(CASES)
    assert all(case.about and case.seconds > 0 for case in CASES)


def test_a_slope_is_that_of_the_line_through_the_points() -> None:
    assert slope([(0.0, 5.0), (1.0, 7.0), (2.0, 9.0)]) == pytest.approx(2.0)
    assert slope([(0.0, 5.0), (1.0, 5.0)]) == 0.0
    assert slope([(3.0, 1.0)]) == 0.0
