"""The page on scaling out: costs are read as the benchmarks write them, and the arithmetic is right."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.bench.assumptions import DAY_S, Assumptions, Machine
from infra.bench.breaking import limits
from infra.bench.capacity import Part, partitions, parts, redis_bytes, remembered_bytes
from infra.bench.costs import RESULTS, Costs, Lane, NotMeasured, measured
from infra.bench.measure import Sample
from infra.bench.result import Result, figures
from infra.bench.scaling import BEGIN, EMPTY, END, PAGE, filled, main
from infra.bench.scaling_tables import sinks, tables
from schemas.topics import BY_NAME, TOPICS

COSTS = Costs(
    post_us=40.0, event_us=10.0, produce_us=2.0, redis=Lane(4.0, 3.0, 0.5), clickhouse=Lane(2.0, 6.0, 0.5)
)
GIVEN = Assumptions(utilisation=0.5)
MACHINE = Machine("ten cores", cores=10, gib=64, disk_bytes=4e12, link_bytes=1e9)
READ = sinks()


def row(name: str, costs: Costs = COSTS, given: Assumptions = GIVEN) -> Part:
    (found,) = [one for one in parts(costs, given, MACHINE, READ) if one.name == name]
    return found


def small(**more: Any) -> Assumptions:
    """100,000 plays a second of two events each, and nothing else."""
    nothing = dict.fromkeys(("heartbeats", "engagements", "feed_events", "follows"), 0)
    none = nothing | {"videos_a_day": 0, "registrations_a_day": 0}
    return Assumptions(**{"daily_users": 100_000 * DAY_S, "plays_a_day": 1, "utilisation": 0.5} | none | more)


def written(
    folder: Path, stage: str, contenders: dict[str, dict[str, float]], unit: str = "events/s"
) -> None:
    """A result as a stage writes it: ``contenders`` -> process -> microseconds an event."""
    runs = {
        name: [Sample(1_000, 1.0, {process: us / 1e3 for process, us in cpu.items()})]
        for name, cpu in contenders.items()
    }
    found = Result(stage, next(iter(contenders)), unit, figures(runs), [])
    (folder / f"{stage}.json").write_text(json.dumps(found.document()), "utf-8")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    written(
        tmp_path, "ingest", {"reelfold x50": {"server": 10.8, "kafka": 2.0}, "reelfold x1": {"server": 50.0}}
    )
    written(
        tmp_path, "fold", {"reelfold": {"worker-bench-4": 4.0, "redis": 3.0, "kafka": 0.5, "clickhouse": 0.1}}
    )
    written(
        tmp_path, "fold-clickhouse", {"reelfold": {"worker-bench-9": 2.0, "clickhouse": 6.0, "kafka": 0.5}}
    )
    return tmp_path


def test_costs_are_those_that_the_stages_wrote(results: Path) -> None:
    found = measured(results)
    assert [found.event_us, found.post_us] == pytest.approx([10.0, 40.0])
    assert (found.redis, found.clickhouse, found.produce_us) == (COSTS.redis, COSTS.clickhouse, 2.0)
    assert (found.read_us, found.clip_s) == (None, None)
    assert [source.split("`")[1] for source in found.sources] == ["ingest", "fold", "fold-clickhouse"]


def test_reads_and_clips_are_taken_where_they_were_measured(results: Path) -> None:
    written(results, "feed", {"reelfold": {"server": 30.0, "redis": 7.0}}, "reads/s")
    written(results, "transcode", {"reelfold": {"itself": 19.0 * 1e6}}, "clips/s")
    found = measured(results)
    assert [found.read_us, found.read_redis_us] == pytest.approx([30.0, 7.0])
    assert found.clip_s == pytest.approx(19.0)
    written(results, "transcode", {"reelfold": {"itself": 1.0}}, "rungs/s")
    with pytest.raises(NotMeasured, match="counts rungs/s"):
        measured(results)


@pytest.mark.parametrize("stage", ["ingest", "fold", "fold-clickhouse"])
def test_a_stage_that_is_missing_or_says_too_little_is_named(
    results: Path, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = results / "page.md"
    page.write_text(f"{BEGIN}\nas it was\n{END}", "utf-8")
    (results / f"{stage}.json").unlink()
    assert main(["--write"], results, page) == 1
    assert f"reelfold bench {stage} --json" in capsys.readouterr().err
    assert "as it was" in page.read_text("utf-8")
    for content, told in (("{", "no JSON"), ('{"stage": "other"}', f"not of stage {stage}")):
        (results / f"{stage}.json").write_text(content, "utf-8")
        with pytest.raises(NotMeasured, match=told):
            measured(results)
    written(
        results,
        stage,
        {"reelfold": {"kafka": 1.0}, "reelfold x50": {"kafka": 1.0}, "reelfold x1": {"kafka": 1.0}},
    )
    with pytest.raises(NotMeasured, match=f"stage {stage} does not say"):
        measured(results)


def test_the_scale_is_that_of_the_requirements() -> None:
    assert round(Assumptions().plays / 1000) == 573
    assert Assumptions().rates.keys() == {topic.name for topic in TOPICS if topic.lane}


def test_processes_and_lanes_are_cores_at_the_utilisation() -> None:
    # 200,000 events/s: 200,000 * (10 + 40 / 4) us = 4 cores; the lanes take 0.8 and 0.4
    api = row("API", given=small())
    assert (round(api.busy, 9), api.units, api.unit, api.machines) == (4.0, 8, "processes", 1)
    assert row("Redis lanes", given=small()).busy == pytest.approx(0.8)
    assert row("Redis lanes", given=small()).units == 2
    assert row("ClickHouse lanes", given=small()).units == 1
    assert row("API", given=small(events_a_post=1)).busy == pytest.approx(10.0)
    assert row("API", replace(COSTS, read_us=100.0), small()).busy == pytest.approx(5.0)  # 10,000 pages


def test_a_sink_pays_for_the_topics_that_its_folds_read_only() -> None:
    beating = small(heartbeats=2)
    assert "rf.heartbeat.v1" not in READ.redis
    assert row("Redis lanes", given=beating).busy == row("Redis lanes", given=small()).busy
    assert row("ClickHouse lanes", given=beating).busy == 2 * row("ClickHouse lanes", given=small()).busy


def test_brokers_are_as_many_as_their_scarcest_resource_asks_for() -> None:
    # kept 3 days in 3 copies: 200,000 * 200 bytes * 86,400 * 9 = 31.1 TB on disks of 2 TB
    assert (row("Kafka brokers", given=small()).units, row("Kafka brokers", given=small()).because) == (
        16,
        "disk",
    )
    # 200,000 * 200 bytes * 3 in; 2 copies, 2 lanes and the archiver out: 200 MB/s on a link of 500 MB/s
    hour = small(log_days=1 / 24)
    assert row("Kafka brokers", given=hour).because == "network"
    assert row("Kafka brokers", given=hour).units == 3, "as many as there are copies, at least"
    assert row("Kafka brokers", given=hour).busy == pytest.approx(0.2 * (2 * 3 + 0.5 + 0.5))


def test_redis_is_memory_or_processor() -> None:
    few = small(entries=0, entry_bytes=0)
    assert (row("Redis", given=few).because, row("Redis", given=few).units) == ("processor", 4)
    many = small(entries=10, entry_bytes=100)
    assert redis_bytes(many) == 100_000 * DAY_S * 1_000
    # 8.64 TB in nodes of 16 GiB, twice; two of them on a machine of 64 GiB
    assert (row("Redis", given=many).units, row("Redis", given=many).machines) == (1006, 503)
    assert redis_bytes(many.packed()) == 100_000 * DAY_S * many.packed_entries * 8


def test_shards_are_cores_or_disks_and_each_has_its_copies() -> None:
    assert row("ClickHouse", given=small(row_days=0)).units == 1
    shards = row("ClickHouse", given=small())  # 200,000 * 60 bytes * 90 days = 93.3 TB on disks of 2 TB
    assert (shards.units, shards.machines, shards.because) == (47, 94, "disk")
    assert shards.busy == pytest.approx(2 * 1.2)


def test_clips_are_taken_as_measured_or_as_assumed() -> None:
    given = small(videos_a_day=DAY_S)  # one a second
    assert row("transcoders", given=given).units == 40
    assert row("transcoders", replace(COSTS, clip_s=5.0), given).units == 10


def test_a_partition_is_at_most_half_a_worker_and_never_fewer_than_shipped() -> None:
    found = partitions(COSTS, GIVEN, READ)
    # playback is the largest, and its Redis lane the dearest: 1.15 M/s * 4 us
    busy = GIVEN.rates["rf.playback.v1"] * 4.0 / 1e6 / found["rf.playback.v1"]
    assert GIVEN.utilisation / 4 < busy <= GIVEN.utilisation / 2
    assert found["rf.identity.v1"] == BY_NAME["rf.identity.v1"].partitions
    assert all(number & (number - 1) == 0 for number in found.values())
    of_an_actor = [topic for topic in found if BY_NAME[topic].key == "actor_id"]
    assert len(of_an_actor) == 5
    assert len({found[topic] for topic in of_an_actor}) == 1


def test_recent_ids_are_those_of_the_window() -> None:
    assert remembered_bytes(small()) == 100_000 * 3_600 * 16


def test_what_breaks_first_comes_first_and_its_figure_follows_the_cost() -> None:
    found = limits(COSTS, small(), MACHINE, READ)
    assert [one.plays for one in found] == sorted(one.plays for one in found)
    by_name = {one.name: one.plays for one in found}
    assert by_name["one core of one Redis"] == pytest.approx(0.5e6 / (2 * 3.0))
    assert by_name["Redis lanes on 4 partitions"] == pytest.approx(4 * 0.5e6 / (2 * 4.0))
    assert by_name["ClickHouse lanes on 4 partitions"] == pytest.approx(4 * 0.5e6 / (2 * 2.0))
    users = 64 * 2**30 * 0.5 / (10_000 * 80)
    assert by_name["the memory of one Redis, everybody at the caps"] == pytest.approx(users / DAY_S)
    assert by_name["one ClickHouse server"] == pytest.approx(10 * 0.5e6 / (2 * 6.0))
    # 4 TB at half, for a year, at two events of 200 bytes
    assert by_name["a year of the log on three brokers"] == pytest.approx(2e12 / (365 * DAY_S * 400))
    assert all(one.remedy for one in found)


@pytest.mark.parametrize(
    "costs",
    [
        replace(COSTS, post_us=90.0),
        replace(COSTS, event_us=90.0),
        replace(COSTS, produce_us=90.0),
        replace(COSTS, read_us=9.0),
        replace(COSTS, clip_s=9.0),
        replace(COSTS, redis=Lane(9.0, 3.0, 0.5)),
        replace(COSTS, clickhouse=Lane(2.0, 9.0, 0.5)),
    ],
)
def test_every_cost_moves_the_plan(costs: Costs) -> None:
    assert parts(costs, GIVEN, MACHINE, READ) != parts(COSTS, GIVEN, MACHINE, READ)
    assert tables(costs, GIVEN, MACHINE) != tables(COSTS, GIVEN, MACHINE)


def test_only_what_stands_between_the_marks_is_written(results: Path) -> None:
    page = results / "page.md"
    page.write_text(f"before\n{BEGIN}\nwhat was there\n{END}\nafter\n", "utf-8")
    assert main(["--write"], results, page) == 0
    first = page.read_text("utf-8")
    assert main(["--write"], results, page) == 0
    assert page.read_text("utf-8") == first
    assert first.startswith(f"before\n{BEGIN}\n**572,917 plays/s")
    assert first.endswith(f"\n{END}\nafter\n")
    assert "what was there" not in first
    for wrong in ("", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{END}{END}", f"{BEGIN}{BEGIN}{END}"):
        with pytest.raises(ValueError, match="once each"):
            filled(wrong, "x")


def test_the_page_holds_what_the_results_come_to_and_nothing_else() -> None:
    """Whoever commits results runs the command; until then the page says which."""
    try:
        expected = tables(measured(RESULTS), Assumptions(), Machine())
    except NotMeasured:
        expected = EMPTY
    page = PAGE.read_text("utf-8")
    assert page == filled(page, expected), "run `python -m infra.bench.scaling --write`"
