"""The oracle is plain and right, and the checker can fail: each wrong is told, and counted as what it is."""

from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

from infra.chaos.checker import Verdict, _counted, _in_clickhouse, _in_log, _same
from infra.chaos.load import Load
from infra.chaos.oracle import expected_state
from infra.demo.simulation import Simulated


def _said(actor: str, kind: str, at: int, **fields: Any) -> Simulated:
    ident = f"{kind}-{at}-{actor}"
    return Simulated(actor, {"event_id": ident, "event_type": kind, "occurred_at": at, **fields})


def _load(*sent: str) -> Load:
    events = {one: Simulated("ann", {"event_id": one}) for one in sent}
    return cast(Load, SimpleNamespace(sent=events, acknowledged=events))


def test_the_last_word_counts_in_whatever_order_it_comes() -> None:
    like = _said("ann", "video.liked", 1, video_id="v")
    unlike = _said("ann", "video.unliked", 2, video_id="v")
    again = _said("ann", "video.liked", 3, video_id="w")
    for order in ([like, unlike, again], [again, unlike, like, like]):
        state = expected_state(order)
        assert state["likes"] == {"ann": ["w"]}
        assert state["counts"] == {"w": {"likes": 1}}
        assert state["edges"] == {"like ann v": False, "like ann w": True}
        assert state["trending"] == {"v": 20, "w": 20}


def test_a_view_counts_once_and_is_seen_at_its_greatest_time() -> None:
    start = _said("ann", "view.started", 5, view_id="one", video_id="v")
    end = _said("ann", "view.ended", 9, view_id="one", video_id="v", started_at=5, watch_ms=4)
    state = expected_state([start, start, end])
    assert state["counts"] == {"v": {"views": 1}}
    assert state["views"] == {"one": 4}
    assert state["seen"] == {"ann": {"v": 5}}


def test_a_feed_is_what_the_followed_published_and_did_not_take_away() -> None:
    follow = _said("ann", "user.followed", 1, target_id="bob")
    films = [
        _said("bob", "video.published", at, video_id=f"v{at}", creator_id="bob", published_at=at)
        for at in (2, 3, 4)
    ]
    gone = _said("bob", "video.deleted", 5, video_id="v3")
    state = expected_state([*films, gone, follow])
    assert state["feed"] == {"ann": ["v4", "v2"]}
    assert (state["following"], state["followers"]) == ({"ann": ["bob"]}, {"bob": ["ann"]})


def test_what_was_acknowledged_and_is_nowhere_is_lost() -> None:
    verdict = Verdict()
    _in_log(verdict, _load("a", "b"), Counter({"a": 2}))
    assert (verdict.lost, verdict.extra) == (1, 0)
    verdict = Verdict()
    _in_clickhouse(verdict, _load("a", "b", "c"), {"a": 1})
    assert (verdict.lost, verdict.extra) == (2, 0)
    assert "2 acknowledged events have no row b, c" in verdict.problems


def test_what_was_not_sent_or_stands_twice_is_extra() -> None:
    verdict = Verdict()
    _in_clickhouse(verdict, _load("a"), {"a": 3, "stranger": 1})
    assert (verdict.lost, verdict.extra) == (0, 3)


def test_counts_tell_lost_from_extra() -> None:
    verdict = Verdict()
    expected = {"counts": {"v": {"views": 5, "shares": 1}, "w": {"views": 2}}}
    _counted(verdict, expected, {"counts": {"v": {"views": 7, "shares": 0}}})
    assert (verdict.lost, verdict.extra) == (3, 2)


def test_a_difference_names_what_differs() -> None:
    verdict = Verdict()
    _same(verdict, "likes", {"likes": {"ann": ["v"], "bob": ["w"]}}, {"ann": ["v"]})
    assert not verdict.state_equal
    assert verdict.problems == ["likes: 1 of 2 differ, first bob: expected ['w'], found None"]
