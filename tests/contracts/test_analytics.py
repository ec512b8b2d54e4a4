"""Analytics: the memory twin and ClickHouse answer alike, whatever the batching."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.clickhouse.migrate import migrate
from projections.analytics.clickhouse import ClickHouseAnalyticsFold
from projections.analytics.clickhouse_reads import ClickHouseAnalyticsReads
from projections.analytics.memory import MemoryAnalytics
from projections.analytics.queries import Tables
from projections.analytics.rows import TABLES
from projections.analytics.store import AnalyticsReads, EventPosition, VideoCounts
from projections.position import FoldStore, PositionConflict, StoreUnavailable
from schemas.batch import RecordBatch, TopicBatch
from tests import builders as b
from tests import strategies as some
from tests.clickhouse_server.serving import Place, database, free_port
from tests.strategies import cut_at

DATABASE = "reelfold_contract"
PLAYBACK, ENGAGEMENT, GRAPH = "rf.playback.v1", "rf.engagement.v1", "rf.graph.v1"
_generations = count(1)


@dataclass(frozen=True, slots=True)
class Store:
    """The two sides of one store."""

    fold: FoldStore
    reads: AnalyticsReads


@pytest.fixture(scope="module")
def client(clickhouse: Place) -> Iterator[Any]:
    with database(clickhouse, DATABASE) as client:
        yield client


@pytest.fixture(params=["memory", pytest.param("clickhouse", marks=pytest.mark.servers)])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        twin = MemoryAnalytics()
        yield Store(twin, twin)
        return
    client = request.getfixturevalue("client")
    yield from _clickhouse(client)


def _clickhouse(client: Any) -> Iterator[Store]:
    generation = next(_generations)
    migrate(client, generation, DATABASE)
    fold = ClickHouseAnalyticsFold(client, generation, DATABASE, rollup_every_s=3600)
    yield Store(fold, ClickHouseAnalyticsReads(client, generation, DATABASE))
    fold.close()


def fold_all(fold: FoldStore, *batches: RecordBatch) -> None:
    for batch in batches:
        fold.apply(batch, fold.position(batch.topic, batch.partition))


async def test_nothing_folded_is_zeros_and_no_position(store: Store) -> None:
    assert store.fold.position(PLAYBACK, 0) is None
    assert store.fold.stream_clock(PLAYBACK, 0) == 0
    assert await store.reads.counts(["v1"]) == [VideoCounts()]
    assert await store.reads.event_count() == 0
    assert await store.reads.event_position("01900000-0000-7000-8000-000000000001") is None


async def test_counts_come_in_the_order_asked(store: Store) -> None:
    fold_all(
        store.fold,
        b.batch_of(
            b.view_started("ann", "v1", "w1", 5), b.view_started("bob", "v2", "w2", 5),
            b.view_started("cyd", "v2", "w3", 5), b.view_ended("cyd", "v2", "w3", 5, seq=1, watch_ms=900),
        ),
        b.batch_of(b.liked("ann", "v1", 5), b.shared("ann", "v1", 6), b.commented("ann", "v1", "c1", 7)),
    )  # fmt: skip
    assert await store.reads.counts(["v2", "nope", "v1"]) == [
        VideoCounts(views=2),
        VideoCounts(),
        VideoCounts(views=1, likes=1, comments=1, shares=1),
    ]


async def test_a_late_retry_of_a_like_does_not_undo_the_unlike(store: Store) -> None:
    liked = b.liked("ann", "v1", 5)
    fold_all(store.fold, b.batch_of(liked, b.unliked("ann", "v1", 6), liked))
    assert await store.reads.counts(["v1"]) == [VideoCounts()]


async def test_equal_times_are_decided_by_the_event_id(store: Store) -> None:
    low, high = "00000000-0000-0000-0000-000000000005", "00000000-0000-0000-0000-000000000007"
    fold_all(
        store.fold,
        b.batch_of(b.unliked("ann", "v1", 5, event_id=high), b.liked("ann", "v1", 5, event_id=low)),
        b.batch_of(b.liked("bob", "v2", 5, event_id=high), b.unliked("bob", "v2", 5, event_id=low), start=2),
    )
    assert await store.reads.counts(["v1", "v2"]) == [VideoCounts(), VideoCounts(likes=1)]


async def test_only_its_author_deletes_a_comment_and_for_good(store: Store) -> None:
    created = b.commented("ann", "v1", "c1", 5)
    fold_all(store.fold, b.batch_of(created, b.comment_deleted("bob", "v1", "c1", 6)))
    assert await store.reads.counts(["v1"]) == [VideoCounts(comments=1)]
    fold_all(store.fold, b.batch_of(b.comment_deleted("ann", "v1", "c1", 6), created, start=2))
    assert await store.reads.counts(["v1"]) == [VideoCounts()]


async def test_an_event_sent_twice_is_one_event_at_its_last_place(store: Store) -> None:
    liked = b.liked("ann", "v1", 5)
    fold_all(store.fold, b.batch_of(liked, liked))
    assert await store.reads.event_count() == 1
    assert await store.reads.event_position(liked["event_id"]) == EventPosition(ENGAGEMENT, 0, 1)


async def test_every_event_of_the_lane_finds_its_row(store: Store) -> None:
    fold_all(
        store.fold,
        b.batch_of(b.registered("ann", 5)), b.batch_of(b.followed("ann", "bob", 5)),
        b.batch_of(b.described("ann", "v1", 5), b.published("ann", "v1", 6), b.deleted("ann", "v1", 7)),
        b.batch_of(b.event("feed.served", "ann", 5, items=[ITEM]), b.impression("ann", "v1", "r1", 6)),
        b.batch_of(b.event("view.heartbeat", "ann", 5, view_id="w1", video_id="v1", started_at=5)),
    )  # fmt: skip
    assert await store.reads.event_count() == 8
    assert await store.reads.counts(["v1"]) == [VideoCounts()], "a view counts when it begins"


ITEM = {"video_id": "v1", "position": 0, "sources": ["following"], "score": 0.5, "propensity": None,
        "slot_kind": "exploit"}  # fmt: skip


async def test_times_that_no_calendar_holds_are_kept_at_its_ends(store: Store) -> None:
    fold_all(store.fold, b.batch_of(b.liked("ann", "v1", -5), b.liked("bob", "v1", 1 << 62)))
    assert await store.reads.event_count() == 2
    assert await store.reads.counts(["v1"]) == [VideoCounts(likes=2)]


def test_a_batch_from_elsewhere_changes_nothing(store: Store) -> None:
    fold_all(store.fold, b.batch_of(b.liked("ann", "v1", 5), appended_at=70))
    for expected in (None, 0, 2):
        with pytest.raises(PositionConflict) as conflict:
            store.fold.apply(b.batch_of(b.liked("bob", "v1", 5), start=1), expected)
        assert conflict.value.stored == 1
    assert store.fold.position(ENGAGEMENT, 0) == 1
    assert store.fold.stream_clock(ENGAGEMENT, 0) == 70
    assert store.fold.position(ENGAGEMENT, 1) is None


def test_a_batch_without_rows_moves_the_position(store: Store) -> None:
    store.fold.apply(RecordBatch(PLAYBACK, 1, 40, 50), None)
    store.fold.apply(RecordBatch(PLAYBACK, 1, 50, 60), 50)
    assert store.fold.position(PLAYBACK, 1) == 60


@pytest.mark.servers
def test_another_worker_goes_on_where_one_died_between_rows_and_offsets(client: Any) -> None:
    store = next(stores := _clickhouse(client))
    fold = store.fold
    assert isinstance(fold, ClickHouseAnalyticsFold)
    first, rest = cut_at(b.batch_of(*(b.liked(f"u{n}", "v1", n) for n in range(6))), [2])
    fold_all(fold, first)
    fold._say = _die  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        fold.apply(rest, 2)
    other = ClickHouseAnalyticsFold(client, fold._tables.generation, DATABASE, rollup_every_s=3600)
    assert other.position(ENGAGEMENT, 0) == 2
    fold_all(other, rest)
    assert other.position(ENGAGEMENT, 0) == 6
    [(rows,)] = client.query(f"SELECT count() FROM {fold._tables.named('events')} FINAL").result_rows
    assert rows == 6
    next(stores, None)


def _die(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.servers
def test_a_server_that_is_away_or_emptied_is_waited_for_and_a_bug_is_not(
    client: Any, clickhouse: Place
) -> None:
    migrate(client, generation := next(_generations), DATABASE)
    away = clickhouse.client()
    away._backend._base_url = f"http://127.0.0.1:{free_port()}/"
    with pytest.raises(StoreUnavailable):
        ClickHouseAnalyticsFold(away, generation, DATABASE).position(ENGAGEMENT, 0)
    with pytest.raises(StoreUnavailable, match="lost tables; run `reelfold recover`"):
        ClickHouseAnalyticsFold(client, 4_000_000, DATABASE).position(ENGAGEMENT, 0)
    client.command(f"ALTER TABLE {Tables(DATABASE, generation).named('offsets_loaded')} DROP COLUMN clock")
    with pytest.raises(Exception, match="UNKNOWN_IDENTIFIER") as bug:
        ClickHouseAnalyticsFold(client, generation, DATABASE).position(ENGAGEMENT, 0)
    assert not isinstance(bug.value, StoreUnavailable)
    away.close()


histories = some.histories(
    some.own_playback_events, some.engagement_events, some.feed_events, some.graph_events, max_events=15
)


@given(st.data())
def test_twin_twice_equals_once_and_any_batching_equals_any_other(data: st.DataObject) -> None:
    log = data.draw(histories)
    once, other = MemoryAnalytics(), MemoryAnalytics()
    fold_all(once, *log.batches())
    fold_all(other, *data.draw(some.schedules(log)))
    assert other.state.tables == once.state.tables
    again = MemoryAnalytics()
    again.state.tables = other.state.tables
    fold_all(again, *log.batches())
    assert again.state.tables == once.state.tables


@pytest.mark.servers
@settings(max_examples=12)
@given(data=st.data())
def test_partitions_loaded_together_are_as_one_by_one(
    client: Any, tables: Tables, data: st.DataObject
) -> None:
    """A worker that dies before it says so leaves rows that are absorbed, whatever the next one's flushes."""
    log = data.draw(histories)
    twin = MemoryAnalytics()
    fold_all(twin, *log.batches())
    _empty(client, tables, *TABLES, "offsets_loaded")
    silent = _fold(client, tables)
    silent._say = lambda *_: None  # type: ignore[method-assign]
    for first in data.draw(some.flushes(log))[:1]:
        silent.apply_together(first, [None] * len(first.spans))
    fold = _fold(client, tables)
    for flush in data.draw(some.flushes(log)):
        expected = [fold.position(flush.topic, span.partition) for span in flush.spans]
        fold.apply_together(flush, expected)
        with pytest.raises(PositionConflict):
            fold.apply_together(flush, [span.next for span in flush.spans[:-1]] + [7_777])
        found = [fold.position(flush.topic, span.partition) for span in flush.spans]
        assert found == [span.next for span in flush.spans]
        for span in flush.spans:
            stored, known = (one.stream_clock(flush.topic, span.partition) for one in (fold, twin))
            assert stored <= known
    for table in TABLES:
        assert _rows(client, tables, table) == sorted(map(_plain, twin.state.rows(table)))


class _Killed(BaseException):
    """Where a worker died."""


@pytest.mark.servers
@settings(max_examples=12)
@given(data=st.data())
def test_topics_loaded_together_are_as_one_by_one(client: Any, tables: Tables, data: st.DataObject) -> None:
    """Also when a worker dies with the rows of all topics in and the offsets of none."""
    log = data.draw(histories)
    twin = MemoryAnalytics()
    fold_all(twin, *log.batches())
    _empty(client, tables, *TABLES, "offsets_loaded")

    def die() -> None:
        raise _Killed

    dying = ClickHouseAnalyticsFold(client, tables.generation, DATABASE, 3600, inserted=die)
    for step in data.draw(some.steps(log))[:1]:
        with pytest.raises(_Killed):
            dying.apply_topics(step, [[None] * len(one.spans) for one in step])
        assert all(_stands(dying, one) == [None] * len(one.spans) for one in step)
    fold = _fold(client, tables)
    for step in data.draw(some.steps(log)):
        fold.apply_topics(step, [_stands(fold, one) for one in step])
        wrong = [[span.next for span in one.spans] for one in step]
        wrong[-1][-1] += 7_777
        with pytest.raises(PositionConflict):
            fold.apply_topics(step, wrong)
        assert [_stands(fold, one) for one in step] == [[span.next for span in one.spans] for one in step]
    for table in TABLES:
        assert _rows(client, tables, table) == sorted(map(_plain, twin.state.rows(table)))
    for batch in log.batches():
        place = (batch.topic, batch.partition)
        assert (fold.position(*place), fold.stream_clock(*place)) == (
            twin.position(*place),
            twin.stream_clock(*place),
        )


def _stands(fold: FoldStore, flush: TopicBatch) -> list[int | None]:
    return [fold.position(flush.topic, span.partition) for span in flush.spans]


@pytest.mark.servers
@settings(max_examples=12)
@given(data=st.data())
def test_clickhouse_holds_what_the_twin_holds(client: Any, tables: Tables, data: st.DataObject) -> None:
    log = data.draw(histories)
    twin = MemoryAnalytics()
    fold_all(twin, *log.batches())
    _empty(client, tables, *TABLES, "offsets_loaded")
    fold_all(_fold(client, tables), *data.draw(some.schedules(log)))
    _empty(client, tables, "offsets_loaded")
    fold_all(_fold(client, tables), *log.batches())  # as after a crash: everything is inserted again
    for table in TABLES:
        assert _rows(client, tables, table) == sorted(map(_plain, twin.state.rows(table)))


@pytest.fixture(scope="module")
def tables(client: Any) -> Tables:
    """Empty tables for the examples of a law: faster than new ones for each."""
    found = Tables(DATABASE, next(_generations))
    migrate(client, found.generation, DATABASE)
    return found


def _fold(client: Any, tables: Tables) -> ClickHouseAnalyticsFold:
    return ClickHouseAnalyticsFold(client, tables.generation, DATABASE, rollup_every_s=3600)


def _empty(client: Any, tables: Tables, *names: str) -> None:
    for name in names:
        client.command(f"TRUNCATE TABLE {tables.named(name)}")


def _rows(client: Any, tables: Tables, table: str) -> list[tuple[str, ...]]:
    found = client.query(f"SELECT * FROM {tables.named(table)} FINAL")
    return sorted(_plain(row) for row in found.named_results())


def _plain(row: Any) -> tuple[str, ...]:
    """Column=value, comparable over both stores."""
    return tuple(sorted(f"{name}={_text(value)}" for name, value in row.items()))


def _text(value: Any) -> str:
    """The driver's times are naive UTC, the twin's carry their zone."""
    return str(value.replace(tzinfo=None)) if isinstance(value, datetime) else str(value)
