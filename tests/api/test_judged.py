"""A request's events are in the log as if each had been posted by itself, and in their order."""

from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.door import NARROW_KEY, NOW, SERVICE_KEY, Door, like, sent
from tests.api.test_shapes import batches

WEEK = 7 * 86_400_000


def _town() -> Door:
    door = Door(rate_per_second=10_000, rate_burst=100_000)
    door.knows("v1", by="bob", hashtags=["cats"], sound_id="s1")
    door.knows("x1", by="ann", hashtags=["dogs", "cats"])
    return door


def _plain(verdicts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "index": 0} for one in verdicts]


def _but_sealed(event: dict[str, object]) -> dict[str, object]:
    """Each door has keys of its own."""
    return event | {name: event[name] is not None for name in ("pii", "pii_key_id")}


@given(batches(), st.sampled_from([None, SERVICE_KEY, NARROW_KEY]))
@settings(max_examples=200)
async def test_together_is_as_one_request_each(batch: list[dict[str, Any]], token: str | None) -> None:
    together, alone = _town(), _town()
    answer = await together.post(batch, token=token)
    answers = [await alone.post([one], token=token) for one in batch]
    assert _plain(answer.json()["events"]) == _plain([one.json()["events"][0] for one in answers])
    assert [*map(_but_sealed, together.log.events)] == [*map(_but_sealed, alone.log.events)]
    assert [record[:2] for record in together.log.records] == [record[:2] for record in alone.log.records]


async def test_events_of_three_shapes_keep_their_order() -> None:
    door = _town()
    views = [sent("view.started", view_id=f"w{nth}", video_id=f"v{nth % 3}") for nth in range(40)]
    likes = [like(f"v{nth % 3}") for nth in range(40)]
    there = [like("v1", surface="following") for _ in range(40)]
    wrong = [like("no/video") for _ in range(40)]
    answer = await door.post([*chain(*zip(views, wrong, likes, there, strict=True))])
    expected = [*chain(*zip(views, likes, there, strict=True))]
    assert [one["event_id"] for one in door.log.events] == [one["event_id"] for one in expected]
    assert [one["status"] for one in answer.json()["events"]] == [
        *("accepted", "rejected", "accepted", "accepted") * 40
    ]
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (120, 40)


async def test_many_views_carry_what_the_catalog_knows_of_each() -> None:
    door = _town()
    videos = ["v1", "stranger", "x1", "v1"]
    await door.post([sent("view.started", view_id=f"w{nth}", video_id=v) for nth, v in enumerate(videos)])
    assert [one["creator_id"] for one in door.log.events] == ["bob", None, "ann", "bob"]
    await door.post([like("v1")] * 3 + [sent("video.shared", video_id="stranger", channel="link")] * 3)
    assert [one["creator_id"] for one in door.log.events[4:]] == ["bob"] * 3 + [None] * 3


@pytest.mark.parametrize(("said", "kept"), [(0, NOW - WEEK), (NOW + WEEK, NOW + 300_000)])
async def test_one_wrong_clock_among_many_is_clamped_alone(said: int, kept: int) -> None:
    door = _town()
    await door.post([like(), like(occurred_at=said), like()])
    assert [one["occurred_at"] for one in door.log.events] == [NOW, kept, NOW]


async def test_ids_are_in_lower_case_in_the_log_and_as_they_came_in_the_answer() -> None:
    door = _town()
    ids = [f"0192F0C1-A2B3-7C0D-8E4F-5A6B7C8D9E{nth:02X}" for nth in (0x1A, 0x2B, 0x3C)]
    answer = await door.post([like(event_id=one) for one in ids])
    assert [one["event_id"] for one in answer.json()["events"]] == ids
    assert [one["event_id"] for one in door.log.events] == [one.lower() for one in ids]
    same = await door.post([like(event_id=ids[0])] * 3)
    assert [one["event_id"] for one in same.json()["events"]] == [ids[0]] * 3
    assert [one["event_id"] for one in door.log.events[3:]] == [ids[0].lower()] * 3
