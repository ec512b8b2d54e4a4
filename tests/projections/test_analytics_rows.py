"""Rows of the analytics tables: the fold, by table of event and row."""

import json
from typing import Any

import polars.testing
import pytest

from projections.analytics.queries import Tables, video_counts
from projections.analytics.rows import inserts, tables
from projections.analytics.runs import Run, chain
from schemas.catalogue import versions
from schemas.topics import TOPIC_OF
from tests import builders as b

DAY_MS = 86_400_000
JUNE, JULY = 1_782_777_600_000, 1_783_036_800_000
"""2026-06-30 and 2026-07-03, midnight."""


def row(table: str, event: b.Event) -> dict[str, Any]:
    [found] = tables(b.batch_of(event, start=7, partition=3))[table].to_dicts()
    return found


@pytest.mark.parametrize("event_type", sorted(name for name in versions() if TOPIC_OF[name].lane))
def test_every_event_of_the_lane_is_a_row_with_its_place(event_type: str) -> None:
    found = row("events", b.event(event_type, "ann", 5))
    assert (found["event_type"], found["actor_id"]) == (event_type, "ann")
    assert (found["k_topic"], found["k_partition"], found["k_offset"]) == (TOPIC_OF[event_type].name, 3, 7)
    assert None not in found.values()


def test_what_is_sealed_stays_out() -> None:
    commented = b.commented("ann", "v1", "c1", 5, pii="c2VhbGVk", pii_key_id="key-ann")
    for frame in tables(b.batch_of(commented)).values():
        text = json.dumps(frame.to_dicts(), default=str)
        assert "c2VhbGVk" not in text
        assert "pii" not in text


@pytest.mark.parametrize(
    ("event", "target"),
    [
        (b.followed("ann", "bob"), "bob"),
        (b.commented("ann", "v1", "c1"), "c1"),
        (b.view_started("ann", "v1", "w1"), "w1"),
        (b.event("video.uploaded", "ann", video_id="v1", upload_id="up1"), "up1"),
        (b.shared("ann", "v1", share_id="s1"), "s1"),
        (b.shared("ann", "v1"), ""),
        (b.liked("ann", "v1"), ""),
    ],
)
def test_the_other_thing_an_event_is_about(event: b.Event, target: str) -> None:
    assert row("events", event)["target_id"] == target


def test_what_has_no_column_is_in_props() -> None:
    served = b.event("feed.served", "ann", feed="following", generation=4, lang="de")
    props = json.loads(row("events", served)["props"])
    assert (props["feed"], props["generation"], props["items"], props["lang"]) == ("following", 4, [], "de")
    assert not props.keys() & {
        "event_id",
        "actor_id",
        "video_id",
        "pii",
        "pii_key_id",
        "offset",
        "appended_at",
    }


def test_a_view_begins_open_and_ends_with_its_totals() -> None:
    started = row("video_views", b.view_started("ann", "v1", "w1", 50, creator_id="ann"))
    ended = row(
        "video_views",
        b.view_ended("ann", "v1", "w1", 90, started_at=50, watch_ms=40, loops=1, exit="swiped", seq=3),
    )
    assert (started["seq"], started["exit_reason"], started["is_self"], started["rung"]) == (
        0,
        "open",
        True,
        0,
    )
    assert (ended["watch_ms"], ended["loops"], ended["exit_reason"], ended["seq"]) == (40, 1, "swiped", 3)
    assert started["started_at"] == ended["started_at"]
    assert started["ver"] < ended["ver"]


def test_the_order_of_a_views_events() -> None:
    """Start, heartbeats by seq, the end by seq, then by watch_ms: whatever the numbers say."""
    beat: dict[str, Any] = {"view_id": "w1", "video_id": "v1", "started_at": 0}
    ordered = [
        b.view_started("ann", "v1", "w1"),
        b.event("view.heartbeat", "ann", **beat, seq=0),
        b.event("view.heartbeat", "ann", **beat, seq=2**31 - 1, watch_ms=2**31 - 1),
        b.view_ended("ann", "v1", "w1", seq=0),
        b.view_ended("ann", "v1", "w1", seq=0, watch_ms=1),
        b.view_ended("ann", "v1", "w1", seq=1, watch_ms=0),
        b.view_ended("ann", "v1", "w1", seq=2**31 - 1, watch_ms=2**31 - 1),
    ]
    versions_of = [row("video_views", event)["ver"] for event in ordered]
    assert versions_of == sorted(set(versions_of))


def test_an_edge_is_versioned_by_the_clamped_time() -> None:
    from_the_future = b.liked("ann", "v1", 90 * DAY_MS, received_at=DAY_MS)
    long_ago = b.unliked("ann", "v1", 0, received_at=90 * DAY_MS)
    assert row("edges", from_the_future)["at"].timestamp() == (DAY_MS + 300_000) / 1000
    assert row("edges", long_ago)["at"].timestamp() == 83 * DAY_MS / 1000
    assert row("events", long_ago)["occurred_at"].timestamp() == 0, "events keep what was said"


@pytest.mark.parametrize(
    ("event", "edge"),
    [
        (b.liked("ann", "v1"), ("like", "ann", "v1", True)),
        (b.unliked("ann", "v1"), ("like", "ann", "v1", False)),
        (b.followed("ann", "bob"), ("follow", "ann", "bob", True)),
        (b.unfollowed("ann", "bob"), ("follow", "ann", "bob", False)),
        (b.comment_deleted("ann", "v1", "c1"), ("comment_deleted", "ann", "c1", True)),
    ],
)
def test_edges(event: b.Event, edge: tuple[str, str, str, bool]) -> None:
    found = row("edges", event)
    assert (found["edge"], found["src"], found["dst"], found["on"]) == edge


def test_an_impression_without_a_slate_is_its_own() -> None:
    known = b.impression("ann", "v1", "r1", visible_ms=500)
    lone = known | {"request_id": None}
    assert row("impressions", known)["request_id"] == "r1"
    assert row("impressions", lone)["request_id"] == known["event_id"]


def test_an_insert_holds_one_table_and_one_month() -> None:
    batch = b.batch_of(
        b.view_started("ann", "v1", "w1", JUNE),
        b.view_ended("ann", "v1", "w1", JULY, started_at=JUNE),
        b.view_started("ann", "v1", "w2", JULY),
    )
    cut = [(one.table, one.frame.height) for one in inserts(batch)]
    assert cut == [("events", 1), ("events", 2), ("video_views", 2), ("video_views", 1)]


def test_the_same_batch_gives_the_same_inserts() -> None:
    batch = b.batch_of(*(b.view_started("ann", "v1", f"w{n}", JUNE + n * DAY_MS) for n in range(70)))
    for one, other in zip(inserts(batch), inserts(batch), strict=True):
        assert one.table == other.table
        polars.testing.assert_frame_equal(one.frame, other.frame)


@pytest.mark.parametrize(
    ("runs", "end"),
    [
        ([], None),
        ([Run(0, 10, 1)], 10),
        ([Run(10, 20, 1), Run(0, 10, 2)], 20),
        ([Run(0, 10, 1), Run(5, 30, 2), Run(12, 20, 9)], 30),
        ([Run(0, 10, 1), Run(11, 20, 2)], 10),
        ([Run(40, 50, 1)], 50),
    ],
)
def test_the_position_is_the_end_of_the_first_unbroken_chain(runs: list[Run], end: int | None) -> None:
    found = chain(runs)
    assert (found.next if found else None) == end


def test_questions_name_the_generations_tables_and_bind_the_rest() -> None:
    asked = video_counts(Tables("reelfold", 3), ["v'1"])
    assert "reelfold.events_g3" in asked.sql
    assert "v'1" not in asked.sql
    assert asked.parameters == {"videos": ["v'1"]}
