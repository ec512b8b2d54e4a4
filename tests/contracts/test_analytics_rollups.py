"""Rollups: recomputed from deduplicated rows, so that nothing counts twice and late events count."""

import time
from collections.abc import Iterator
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from infra.clickhouse.migrate import MigrationError, migrate, migrations, point_views
from projections.analytics import rollups as rollups_module
from projections.analytics.clickhouse import ClickHouseAnalyticsFold
from projections.analytics.queries import Tables
from projections.analytics.rollups import Rollups
from projections.analytics.views import view_columns
from projections.position import StoreUnavailable
from schemas.batch import RecordBatch
from tests import builders as b
from tests.clickhouse_server.serving import Place, database

pytestmark = pytest.mark.servers
DATABASE = "reelfold_rollups"
HOUR_MS = 3_600_000
TEN = 1_782_813_600_000
"""2026-06-30 10:00 UTC."""
_generations = count(1)


@pytest.fixture(scope="module")
def client(clickhouse: Place) -> Iterator[Any]:
    with database(clickhouse, DATABASE) as client:
        yield client


@pytest.fixture
def fold(client: Any) -> Iterator[ClickHouseAnalyticsFold]:
    generation = next(_generations)
    migrate(client, generation, DATABASE)
    fold = ClickHouseAnalyticsFold(client, generation, DATABASE, rollup_every_s=3600)
    yield fold
    fold.close()


def apply(fold: ClickHouseAnalyticsFold, batch: RecordBatch) -> None:
    fold.apply(batch, fold.position(batch.topic, batch.partition))


def hours(client: Any, fold: ClickHouseAnalyticsFold, video_id: str = "v1") -> list[tuple[Any, ...]]:
    """(hour of the day, plays, engaged, viewers, watch_ms) where there are plays."""
    sql = f"""SELECT toHour(hour), sum(plays), sum(engaged_views), uniqCombined64Merge(viewers), sum(watch_ms)
        FROM {fold._tables.named("video_hourly")} FINAL WHERE video_id = {{v:String}}
        GROUP BY hour HAVING sum(plays) > 0 ORDER BY hour"""
    return list(client.query(sql, parameters={"v": video_id}).result_rows)


def days(client: Any, fold: ClickHouseAnalyticsFold) -> list[tuple[Any, ...]]:
    sql = f"""SELECT creator_id, any(plays), uniqCombined64Merge(viewers), any(watch_ms), any(videos)
        FROM {fold._tables.named("creator_daily")} FINAL GROUP BY creator_id, day ORDER BY ALL"""
    return list(client.query(sql).result_rows)


def ended(by: str, view: str, at: int, video: str = "v1", **fields: Any) -> b.Event:
    given = {"creator_id": "cyd", "seq": 1, "duration_ms": 10_000} | fields
    return b.view_ended(by, video, view, at, **given)


def test_views_by_the_hour_and_by_the_creator(client: Any, fold: ClickHouseAnalyticsFold) -> None:
    apply(
        fold,
        b.batch_of(
            b.view_started("ann", "v1", "w1", TEN), ended("ann", "w1", TEN, watch_ms=5_000),
            ended("ann", "w2", TEN + 1, watch_ms=1_000), ended("bob", "w3", TEN + HOUR_MS, watch_ms=3_000),
            ended("cyd", "w4", TEN + HOUR_MS, watch_ms=9_000), ended("bob", "w5", TEN, "v2", watch_ms=10),
        ),
    )  # fmt: skip
    fold.rollups.settle()
    assert hours(client, fold) == [(10, 2, 1, 1, 6_000), (11, 2, 1, 2, 12_000)]
    assert days(client, fold) == [("cyd", 5, 3, 18_010, 2)]


def test_computing_twice_and_inserting_twice_change_nothing(
    client: Any, fold: ClickHouseAnalyticsFold
) -> None:
    batch = b.batch_of(ended("ann", "w1", TEN, watch_ms=5_000), ended("bob", "w2", TEN, watch_ms=100))
    apply(fold, batch)
    fold.rollups.settle()
    once = hours(client, fold), days(client, fold)
    client.command(f"TRUNCATE TABLE {fold._tables.named('offsets_loaded')}")
    fold.forget(batch.topic, batch.partition)
    apply(fold, batch)
    fold.rollups.settle()
    assert (
        (hours(client, fold), days(client, fold))
        == once
        == ([(10, 2, 1, 2, 5_100)], [("cyd", 2, 2, 5_100, 1)])
    )


def test_a_view_that_moves_to_another_hour_leaves_the_first(
    client: Any, fold: ClickHouseAnalyticsFold
) -> None:
    apply(fold, b.batch_of(b.view_started("ann", "v1", "w1", TEN + HOUR_MS - 1, creator_id="cyd")))
    fold.rollups.settle()
    assert hours(client, fold) == [(10, 1, 0, 1, 0)]
    apply(fold, b.batch_of(ended("ann", "w1", TEN + HOUR_MS, watch_ms=5_000), start=1))
    fold.rollups.settle()
    assert hours(client, fold) == [(11, 1, 1, 1, 5_000)]


def test_what_a_crash_left_due_is_computed_by_the_next_start(
    client: Any, fold: ClickHouseAnalyticsFold
) -> None:
    apply(fold, b.batch_of(ended("ann", "w1", TEN, watch_ms=5_000)))
    assert hours(client, fold) == []
    after = ClickHouseAnalyticsFold(client, fold._tables.generation, DATABASE)
    after.rollups.settle()
    assert hours(client, after) == [(10, 1, 1, 1, 5_000)]


def test_the_thread_keeps_them_current_beside_the_sink(client: Any, fold: ClickHouseAnalyticsFold) -> None:
    quick = ClickHouseAnalyticsFold(client, fold._tables.generation, DATABASE, rollup_every_s=0.05)
    apply(quick, b.batch_of(ended("ann", "w1", TEN, watch_ms=5_000)))
    deadline = time.monotonic() + 10
    while not hours(client, quick) and time.monotonic() < deadline:
        time.sleep(0.05)
    quick.close()
    assert hours(client, quick) == [(10, 1, 1, 1, 5_000)]


def test_a_rebuild_computes_them_once_at_its_end_also_when_it_was_killed_before(
    client: Any, fold: ClickHouseAnalyticsFold
) -> None:
    month_ms = 30 * 24 * HOUR_MS
    first = b.batch_of(
        ended("ann", "w1", TEN - month_ms, watch_ms=5_000),
        b.view_started("bob", "v1", "w2", TEN + HOUR_MS - 1, creator_id="cyd"),
    )
    rest = b.batch_of(ended("bob", "w2", TEN + HOUR_MS, watch_ms=3_000), start=2)
    apply(fold, first)
    fold.rollups.settle()
    before = hours(client, fold)
    live = ClickHouseAnalyticsFold(client, next(_generations), DATABASE)
    migrate(client, live._tables.generation, DATABASE)
    killed = ClickHouseAnalyticsFold(client, fold._tables.generation, DATABASE, rollup_every_s=0.01)
    killed.in_bulk()
    apply(killed, rest)
    time.sleep(0.3)
    assert hours(client, fold) == before, "nothing is computed beside the rows"
    again = ClickHouseAnalyticsFold(client, fold._tables.generation, DATABASE)
    again.in_bulk()
    again.close()
    apply(live, first)
    apply(live, rest)
    live.close()
    assert hours(client, fold) == hours(client, live)
    assert days(client, fold) == days(client, live)
    assert hours(client, fold) == [(10, 1, 1, 1, 5_000), (11, 1, 1, 1, 3_000)]


def test_the_end_of_a_rebuild_is_told_that_the_store_is_away(
    client: Any, fold: ClickHouseAnalyticsFold
) -> None:
    def away(_: object) -> list[tuple[Any, ...]]:
        raise StoreUnavailable("away")

    rebuilt = ClickHouseAnalyticsFold(client, fold._tables.generation, DATABASE)
    rebuilt.in_bulk()
    rebuilt.rollups._ask = away
    with pytest.raises(StoreUnavailable):
        rebuilt.close()


def test_an_unavailable_store_leaves_the_work_due(client: Any, fold: ClickHouseAnalyticsFold) -> None:
    apply(fold, b.batch_of(ended("ann", "w1", TEN, watch_ms=5_000)))
    rollups, ask = fold.rollups, fold.rollups._ask

    def away(_: object) -> list[tuple[Any, ...]]:
        raise StoreUnavailable("away")

    rollups._known, rollups._ask = True, away
    with pytest.raises(StoreUnavailable):
        rollups.settle()
    rollups._ask = ask
    rollups.settle()
    assert hours(client, fold) == [(10, 1, 1, 1, 5_000)]


def test_migrations_apply_once_and_name_what_was_changed(client: Any) -> None:
    generation = next(_generations)
    assert migrate(client, generation, DATABASE) == [one.name for one in migrations()]
    assert migrate(client, generation, DATABASE) == []
    client.insert(
        f"{DATABASE}.migrations",
        [[generation, "0001_events.sql", "0" * 64]],
        ["generation", "name", "sha256"],
    )
    with pytest.raises(MigrationError, match=r"0001_events\.sql was changed"):
        migrate(client, generation, DATABASE)


@pytest.mark.parametrize(("generation", "database"), [(0, DATABASE), (-1, DATABASE), (1, "x; DROP"), (1, "")])
def test_only_numbers_and_names_are_templated(client: Any, generation: int, database: str) -> None:
    with pytest.raises(MigrationError):
        migrate(client, generation, database)


def test_every_table_and_column_tells_what_it_is(client: Any) -> None:
    migrate(client, next(_generations), DATABASE)
    bare = client.query(
        """SELECT table, name FROM system.columns WHERE database = {d:String} AND comment = ''
           AND table LIKE '%\\_g%' UNION ALL
           SELECT name, '' FROM system.tables WHERE database = {d:String} AND comment = ''""",
        parameters={"d": DATABASE},
    )
    assert bare.result_rows == []


def test_the_plain_names_show_the_generation_they_point_to(
    client: Any, fold: ClickHouseAnalyticsFold
) -> None:
    liked = b.liked("ann", "v1", TEN)
    apply(fold, b.batch_of(liked, liked))
    point_views(client, fold._tables.generation, DATABASE)
    assert client.query(f"SELECT count() FROM {DATABASE}.events").result_rows == [(1,)]
    migrate(client, next(_generations), DATABASE)
    assert client.query(f"SELECT count() FROM {DATABASE}.events").result_rows == [(1,)], (
        "only a promotion moves"
    )
    migrate(client, other := next(_generations), DATABASE)
    point_views(client, other, DATABASE)
    assert client.query(f"SELECT count() FROM {DATABASE}.events").result_rows == [(0,)]


def test_a_step_of_as_many_videos_as_there_may_be_reaches_the_server(
    client: Any, fold: ClickHouseAnalyticsFold
) -> None:
    """Videos are named by UUIDs, and the names are in the URL."""
    videos = [str(UUID(int=(7 << 96) | nth)) for nth in range(rollups_module.VIDEOS_PER_STEP)]
    apply(fold, b.batch_of(*(b.view_started("ann", one, f"w-{one}", TEN) for one in videos)))
    fold.rollups.settle_these({(one, "2026-06-30") for one in videos})
    asked = client.query(
        f"SELECT sum(plays), uniqExact(video_id) FROM {fold._tables.named('video_hourly')} FINAL"
    )
    assert asked.result_rows == [(len(videos), len(videos))]


def test_what_is_due_longest_is_computed_first_a_day_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[list[str], list[str]]] = []

    def ask(query: Any) -> list[tuple[Any, ...]]:
        if "videos" in query.parameters and "video_hourly" in query.sql.split("SELECT")[0]:
            asked.append((query.parameters["videos"], query.parameters["days"]))
        return []

    monkeypatch.setattr(rollups_module, "VIDEOS_PER_STEP", 2)
    rollups = Rollups(ask, Tables("d", 1), 3600)
    for video, at in (("z", TEN), ("a", TEN + 24 * HOUR_MS), ("y", TEN), ("x", TEN), ("z", TEN)):
        frame = b.batch_of(b.view_started("ann", video, "w", at)).frames["view.started"]
        rollups.touch(frame.select(view_columns("view.started", frame.columns)))
    rollups.close()
    assert asked == [
        (["y", "z"], ["2026-06-30"]), (["a"], ["2026-07-01"]), (["x"], ["2026-06-30"]),
    ]  # fmt: skip
