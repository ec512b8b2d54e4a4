"""A request's events are in the log as if each had been posted by itself, and in their order."""

import asyncio
import json
from itertools import chain
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.callers.accounts import Principal
from api.events import intake
from api.events.parsing import _is_plain
from api.limits import MAX_IN_FLIGHT
from infra.kafka.messages import Messages
from infra.telemetry import REGISTRY
from schemas.book import SchemaBook
from schemas.same_shape import SameShape
from tests.api.door import NARROW_KEY, NOW, SERVICE_KEY, Door, like, sent
from tests.api.test_shapes import batches
from tests.builders import liked

WEEK = 7 * 86_400_000


def _town() -> Door:
    door = Door(rate_per_second=10_000, rate_burst=100_000)
    door.knows("v1", by="bob", hashtags=["cats"], sound_id="s1")
    door.knows("x1", by="ann", hashtags=["dogs", "cats"])
    return door


def _plain(batch: list[dict[str, Any]]) -> bool:
    """Whether a body is read the fast way. One that is not has all of its events looked at for flaws of
    their text, so that one which is refused anyway may be refused for another of its faults."""
    body = json.dumps(batch).encode()
    try:
        return _is_plain(body, orjson.loads(body))
    except orjson.JSONDecodeError:
        return False


def _verdicts(verdicts: list[dict[str, Any]], whole: bool) -> list[Any]:
    """Each without its place; of rejections the reason only where it is ``whole``."""
    return [
        {**one, "index": 0} if whole or one["status"] == "accepted" else one["status"] for one in verdicts
    ]


def _but_sealed(event: dict[str, object]) -> dict[str, object]:
    """Each door has keys of its own."""
    return event | {name: event[name] is not None for name in ("pii", "pii_key_id")}


@given(batches(), st.sampled_from([None, SERVICE_KEY, NARROW_KEY]))
@settings(max_examples=200)
@example([like() | {"actor_id": "\0"}, {"event_type": "backup.archived", "bytes": [[[[]]]]}], None)
async def test_together_is_as_one_request_each(batch: list[dict[str, Any]], token: str | None) -> None:
    together, alone = _town(), _town()
    answer = await together.post(batch, token=token)
    answers = [await alone.post([one], token=token) for one in batch]
    said = [one.json()["events"][0] for one in answers]
    assert _verdicts(answer.json()["events"], _plain(batch)) == _verdicts(said, _plain(batch))
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


async def test_other_requests_have_their_turns_while_a_full_body_is_taken_in() -> None:
    """Each hundred events is a turn of the loop, when they are judged and when they are written."""
    door, turns = _town(), 0
    loop = asyncio.get_running_loop()

    def turn() -> None:
        nonlocal turns
        turns += 1
        loop.call_soon(turn)

    async def taken(events: list[dict[str, Any]]) -> int:
        nonlocal turns
        held, turns = door.app.state, 0
        await intake._take_in(events, Principal("ann", "user", "/client"), held.parts, held.door)
        return turns

    loop.call_soon(turn)
    await taken([like()])  # now the video is known, and nobody waits for the catalog
    few = await taken([like() for _ in range(90)])
    assert await taken([like() for _ in range(500)]) >= few + 8
    assert await taken([like("no/video") for _ in range(500)]) >= few + 4  # judged, and not written
    comments = [sent("comment.created", video_id="v1", comment_id=f"c{n}", text="x") for n in range(500)]
    assert await taken(comments) >= few + 8


async def test_what_a_request_holds_is_given_back_however_it_ends() -> None:
    door = Door()
    held = door.app.state.door.in_flight
    for body, status in [([like()], 202), ([like("no/video")], 422), (b"[", 400)]:
        assert (await door.post(body)).status_code == status
        assert held.held == 0
    door.log.broken = True
    assert (await door.post([like()])).status_code == 503
    assert held.held == 0


async def test_a_door_that_holds_too_much_sends_the_next_one_away() -> None:
    door = Door()
    door.app.state.door.in_flight.held = MAX_IN_FLIGHT
    answer = await door.post([like()])
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
        503,
        "unavailable",
        "1",
    )
    assert door.log.events == []


async def test_verdicts_are_counted() -> None:
    def counted(verdict: str) -> float:
        return REGISTRY.get_sample_value("reelfold_ingested_events_total", {"verdict": verdict}) or 0.0

    door, before = Door(), (counted("accepted"), counted("rejected"))
    await door.post([like(), like("no/video"), *[like() for _ in range(3)], {}])
    assert (counted("accepted") - before[0], counted("rejected") - before[1]) == (4, 2)
    await door.post([like()])
    assert (counted("accepted") - before[0], counted("rejected") - before[1]) == (5, 2)


def test_a_message_says_in_its_headers_what_it_is() -> None:
    event = liked("ann", "v1")
    for messages in (
        Messages(SchemaBook.local())([event]),
        Messages(SchemaBook.local())(SameShape.of([event])),
    ):
        ((topic, key, _, headers),) = messages
        assert (topic, key) == ("rf.engagement.v1", b"ann")
        says = {"ce_id": event["event_id"], "ce_type": "rf.video.liked", "ce_source": event["source"]}
        assert headers == [(name, text.encode()) for name, text in says.items()]
