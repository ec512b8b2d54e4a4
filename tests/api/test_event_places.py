"""Where an event sits: for services and operators, of the generation that is read."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from api.app import build
from projections.analytics.store import EventPosition
from tests.api.stage import Stage

KNOWN = "0192f0c1-a2b3-7c0d-8e4f-5a6b7c8d9e0f"


class Places:
    """One event at offset 7, folded by one of two folds; only in generation 7, which is live."""

    async def find(self, generation: int, event_id: str) -> EventPosition | None:
        known = generation == 7 and event_id == KNOWN
        return EventPosition("rf.graph.v1", 2, 7) if known else None

    async def positions(self, generation: int, topic: str, partition: int) -> Mapping[str, int]:
        assert (generation, topic, partition) == (7, "rf.graph.v1", 2)
        return {"graph": 8, "feed": 7}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    one = Stage(tmp_path)
    one.app = build(replace(one.parts, places=Places()))
    return one


async def test_an_operator_is_told_where_and_who_has_applied_it(stage: Stage) -> None:
    answer = await stage.get(f"/v1/events/{KNOWN}", by="operator:max")
    assert answer.status_code == 200
    assert answer.headers["cache-control"].startswith("private")
    assert answer.json() == {
        "event_id": KNOWN,
        "topic": "rf.graph.v1",
        "partition": 2,
        "offset": 7,
        "generation": 7,
        "folds": [
            {"fold": "feed", "position": 7, "applied": False},
            {"fold": "graph", "position": 8, "applied": True},
        ],
    }


@pytest.mark.parametrize(
    ("event_id", "by", "status", "code"),
    [
        (KNOWN, None, 401, "no_credential"),
        (KNOWN, "ann", 403, "not_allowed"),
        (KNOWN, "anon:d1", 403, "not_allowed"),
        (KNOWN.replace("0192", "0193"), "operator:max", 404, "not_found"),
        ("not-a-uuid", "operator:max", 400, "invalid_parameter"),
    ],
)
async def test_the_others_are_told_why_not(
    stage: Stage, event_id: str, by: str | None, status: int, code: str
) -> None:
    answer = await stage.get(f"/v1/events/{event_id}", by=by)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_without_a_store_that_knows_it_is_503(tmp_path: Path) -> None:
    answer = await Stage(tmp_path).get(f"/v1/events/{KNOWN}", by="operator:max")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def test_the_description_shows_an_example_and_asks_for_a_token(stage: Stage) -> None:
    spec = stage.app.openapi()
    assert spec["paths"]["/v1/events/{event_id}"]["get"]["security"] == [{"bearer": []}]
    assert spec["components"]["schemas"]["EventPlace"]["examples"]
