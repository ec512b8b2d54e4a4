"""Benchmarks measure what they say: the load is the same each time, its oracle is right, results tell."""

import json

from rich.console import Console

from infra.bench.measure import Sample, interleaved, middle, ratio
from infra.bench.result import Result, Target, figures
from infra.bench.workload import DUPLICATES, Load, _Counted
from projections.engagement.memory import MemoryEngagement
from schemas.book import SchemaBook
from schemas.codec import encode
from tests.builders import batch_of

EVENTS = 3_000


def test_the_load_is_the_same_for_a_seed_and_is_as_it_says() -> None:
    events = list(Load(3, EVENTS).each())
    assert events == list(Load(3, EVENTS).each())
    assert events != list(Load(4, EVENTS).each())
    ids = [event["event_id"] for event in events]
    assert 0.5 * DUPLICATES < 1 - len(set(ids)) / EVENTS < 2 * DUPLICATES
    sizes = [len(encode(event, SchemaBook.local())) for event in events[:200]]
    assert 250 <= sum(sizes) / len(sizes) <= 500


def test_the_oracle_counts_what_the_fold_counts() -> None:
    events, counted, fold = list(Load(3, EVENTS).each()), _Counted(), MemoryEngagement()
    for event in events:
        counted.take(event)
    for views in (True, False):
        fold.apply(batch_of(*(one for one in events if (one["event_type"] == "view.started") is views)), None)
    found: dict[str, dict[str, int]] = {}
    for (video, kind), number in fold.state.counts.items():
        if number:
            found.setdefault(video, {})[kind] = number
    assert counted.counts() == found


def test_contenders_take_turns_and_medians_and_ratios_come_of_rounds() -> None:
    order: list[str] = []
    rates = {"ours": iter([300, 100, 200]), "peer": iter([100, 100, 50])}

    def run(name: str) -> Sample:
        order.append(name)
        return Sample(1_000, 1_000 / next(rates[name]), {"itself": 0.5})

    found = interleaved({name: (lambda one=name: run(one)) for name in rates}, 3, lambda line: None)  # type: ignore[misc]
    assert order == ["ours", "peer"] * 3
    assert round(middle(found["ours"]).rate) == 200
    assert round(ratio(found, "ours", "peer")) == 3
    assert round(middle(found["ours"]).cpu_us) == 500


def test_a_result_says_what_was_reached_and_what_was_not() -> None:
    runs = {
        name: [Sample(1_000, seconds, {"a": 1.0})] for name, seconds in (("us", 1.0), ("it", 2.0), ("c", 0.5))
    }
    targets = [Target("2 times it", 2, 2.0), Target("half of c", 0.6, 0.5), Target("p99", 10, 9, most=True)]
    result = Result("fold", "us", "events/s", figures(runs), targets, "c")
    said = json.loads(json.dumps(result.document()))
    assert said["ours"] == 1_000
    assert said["peers"] == {"it": 500}
    assert said["floor"] == {"c": 2_000}
    assert [one["met"] for one in said["targets"]] == [True, False, True]
    assert not result.met
    screen = Console(record=True, width=120)
    result.show(screen)
    assert "MISSED: half of c" in screen.export_text()
