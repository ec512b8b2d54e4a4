"""Benchmarks measure what they say: the load is the same each time, its oracle is right, results tell."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from rich.console import Console

from infra.bench import report
from infra.bench.measure import Sample, cpu_of, interleaved, middle, ratio
from infra.bench.plot import svg
from infra.bench.result import Result, Target, figures
from infra.bench.town import Town, records
from infra.bench.versions import version
from infra.bench.workload import DUPLICATES, Counted, Load
from projections.engagement.memory import MemoryEngagement
from projections.feed.memory import MemoryFeed
from schemas.book import SchemaBook
from schemas.codec import encode
from tests.builders import batch_of

EVENTS = 3_000
ASKING = ("user.followed", "video.published")


def test_the_load_is_the_same_for_a_seed_and_is_as_it_says() -> None:
    events = list(Load(3, EVENTS).each())
    assert events == list(Load(3, EVENTS).each())
    assert events != list(Load(4, EVENTS).each())
    ids = [event["event_id"] for event in events]
    assert 0.5 * DUPLICATES < 1 - len(set(ids)) / EVENTS < 2 * DUPLICATES
    sizes = [len(encode(event, SchemaBook.local())) for event in events[:200]]
    assert 250 <= sum(sizes) / len(sizes) <= 500


def test_the_oracle_counts_what_the_fold_counts() -> None:
    events, counted, fold = list(Load(3, EVENTS).each()), Counted(), MemoryEngagement()
    for event in events:
        counted.take(event)
    for views in (True, False):
        fold.apply(batch_of(*(one for one in events if (one["event_type"] == "view.started") is views)), None)
    found: dict[str, dict[str, int]] = {}
    for (video, kind), number in fold.state.counts.items():
        if number:
            found.setdefault(video, {})[kind] = number
    assert counted.counts() == found


def test_half_of_a_viral_load_is_one_videos_and_an_even_one_has_no_such_video() -> None:
    for shape, least, most in (("viral", 0.45, 0.55), ("even", 0.0, 0.01), ("zipf", 0.1, 0.2)):
        events = list(Load(3, EVENTS, shape=shape, named="here-").each())  # type: ignore[arg-type]
        share = max(Counter(event["video_id"] for event in events).values()) / EVENTS
        assert least <= share <= most
        assert all(event["video_id"].startswith("here-v") for event in events)


async def test_a_towns_feeds_are_those_of_the_fold() -> None:
    town, fold = Town(1), MemoryFeed()
    authors = [town.name("a", nth) for nth in range(4)]
    events = [event for nth in range(40) for event in town.publish(authors[nth % 4], 1_000 + nth // 3)]
    events += town.follow(["ann"], authors[:3])
    events += town.follow(["bob"], authors[3:])
    assert len(records(events, SchemaBook.local())) == len(events) == 124
    followed = {"user.followed"}
    for some in (True, False):
        batch = [one for one in events if (one["event_type"] in followed) is some]
        fold.apply(batch_of(*(one for one in batch if one["event_type"] in ASKING)), None)
    for user in ("ann", "bob"):
        assert [video for _, video in await fold.following(user, None, 20)] == town.feed(user, 20)


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


def _document(stage: str, **series: list[tuple[float, float]]) -> dict[str, Any]:
    runs = {
        "us": [Sample(1_000, 1.0, {"kafka": 0.25, "bench-7": 0.75})],
        "quix": [Sample(1_000, 4.0, {"itself": 4.0})],
    }
    targets = [Target("3 times quix", 3, 4.0), Target("p99 < 1 & most", 10, 12, most=True)]
    result = Result(stage, "us", "events/s", figures(runs), targets, "", ["a note"], series, ("load", "rate"))
    return result.document() | {
        "date": "2026-11-21",
        "command": f"reelfold bench {stage}",
        "commit": "abc1234",
    }


def test_the_report_is_made_of_documents_and_keeps_what_people_wrote(tmp_path: Path) -> None:
    folder, notes, made = tmp_path / "results", tmp_path / "notes.md", tmp_path / "BENCHMARKS.md"
    folder.mkdir()
    for stage in ("replay", "fold"):
        (folder / f"{stage}.json").write_text(json.dumps(_document(stage)), "utf-8")
    notes.write_text(
        "First this.\n\n## replay\n\nIt was tried.\n\n## Scaling out\n\nBy partitions.\n", "utf-8"
    )
    assert {path.name for path in report.write(folder, notes, made)} == {
        *("BENCHMARKS.md", "fold.svg", "replay.svg")
    }
    text = made.read_text("utf-8")
    places = [
        text.index(one) for one in ("First this.", "## fold", "## replay", "It was tried.", "## Scaling")
    ]
    assert places == sorted(places)
    assert "| quix | quixstreams 3.28.1, fastavro 1.13.1 | 250 | 250 - 250 | 4.00 x |" in text
    assert "| **us** |  | 1,000 | 1,000 - 1,000 |  | 1,000: kafka 250, worker 750 |" in text
    assert "| p99 < 1 & most | at most 10.0 | 12.0 | **missed** |" in text
    assert "1 of 2 met; missed: p99 < 1 & most" in text
    assert "abc1234" in text
    assert "`reelfold bench replay`" in text


def test_peers_and_floors_are_named_with_their_versions() -> None:
    assert version("kafka_streams") == "kafka-streams 4.1.1, avro 1.12.0, jedis 5.2.0"
    assert version("quix") == "quixstreams 3.28.1, fastavro 1.13.1"
    assert version("tutorial x50").startswith("fastapi ")
    assert version("stock_faust").startswith("faust-streaming 0.15.3")
    assert version("bare ffmpeg, same command").startswith("ffmpeg ")
    assert version("reelfold") == ""


def test_a_picture_has_a_bar_for_each_contender_and_a_line_for_each_series() -> None:
    drawn = ElementTree.fromstring(
        svg(_document("fold", us=[(1, 10.0), (100, 900.0)], quix=[(1, 5.0), (100, 6.0)]))
    )
    names = [one.text for one in drawn.iter() if one.tag.endswith("text")]
    assert {"us", "quix", "rate by load"} <= set(names)
    assert len([one for one in drawn.iter() if one.tag.endswith("polyline")]) == 2
    widths = {
        one.get("class"): float(one.get("width", "0"))
        for one in drawn.iter()
        if one.tag.endswith("rect") and one.get("class")
    }
    assert widths["ours"] > widths["peer"] > 0


def test_the_committed_report_is_what_its_documents_come_to() -> None:
    for stage, text in report.pages(report.RESULTS, report.NOTES.read_text("utf-8")).items():
        path = report.RESULTS / f"{stage}.svg" if stage else report.REPORT
        assert path.read_bytes() == text.encode(), f"{path.name}: run `reelfold bench-report`"


_PARENT = """
import os, time
child = os.fork()
if not child:
    while time.process_time() < 0.3: pass
    print("busy", flush=True)
    time.sleep(60)
input()
os.kill(child, 9)
os.waitpid(child, 0)
print("ended", flush=True)
input()
"""


def test_processor_time_does_not_shrink_when_a_child_ends() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdin is not None and parent.stdout is not None
        assert parent.stdout.readline() == "busy\n"
        before = cpu_of(parent.pid)
        assert before >= 0.2, "ticks are ten milliseconds"
        parent.stdin.write("\n")
        parent.stdin.flush()
        assert parent.stdout.readline() == "ended\n"
        assert cpu_of(parent.pid) >= before - 0.05
        parent.stdin.write("\n")
