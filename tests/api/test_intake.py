"""POST /v1/events: what is taken in, what is refused, and in which words."""

import gzip
import json
from typing import Any

import pytest

from api.limits import MAX_BODY, MAX_INFLATED
from infra.access.keyring import KeyringUnavailable
from tests.api.door import NOW, SERVICE_KEY, Door, like, sent

DAY = 86_400_000


@pytest.fixture
def door() -> Door:
    return Door()


def only(answer: Any) -> dict[str, Any]:
    verdict: dict[str, Any] = answer.json()["events"][0]
    return verdict


async def test_an_accepted_event_is_in_the_log_with_what_the_server_fills_in(door: Door) -> None:
    door.knows("v1", by="bob")
    one = like(surface="following")
    answer = await door.post([one])
    assert answer.status_code == 202
    assert answer.json()["events"] == [
        {
            "index": 0,
            "event_id": one["event_id"],
            "status": "accepted",
            "code": None,
            "field": None,
            "detail": None,
        }
    ]
    [event] = door.log.events
    assert event["actor_id"] == "ann"
    assert event["source"] == "/client"
    assert event["received_at"] == NOW
    assert event["creator_id"] == "bob"
    assert event["src"] is None
    assert door.log.records[0][:2] == ("rf.engagement.v1", b"ann")


async def test_one_bad_event_never_condemns_the_batch(door: Door) -> None:
    answer = await door.post([like(), {"event_type": "video.liked"}, 7, like()])
    assert answer.status_code == 202
    assert [verdict["status"] for verdict in answer.json()["events"]] == [
        "accepted",
        "rejected",
        "rejected",
        "accepted",
    ]
    assert len(door.log.records) == 2


async def test_a_batch_without_a_valid_event_is_422_and_writes_nothing(door: Door) -> None:
    answer = await door.post([like(video="no/slash")])
    assert answer.status_code == 422
    assert answer.json()["accepted"] == 0
    assert only(answer)["field"] == "video_id"
    assert not door.log.records


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"actor_id": "ann"}, "server_field", "actor_id"),
        ({"received_at": NOW}, "server_field", "received_at"),
        ({"creator_id": "bob"}, "server_field", "creator_id"),
        ({"src": "t:0:1"}, "server_field", "src"),
        ({"pii": "x"}, "server_field", "pii"),
        ({"colour": "red"}, "unknown_field", "colour"),
        ({"event_type": "video.loved"}, "unknown_type", "event_type"),
        ({"event_type": None}, "unknown_type", "event_type"),
        ({"event_type": ["video.liked"]}, "unknown_type", "event_type"),
        ({"event_id": "7"}, "invalid", "event_id"),
        ({"occurred_at": "now"}, "invalid", "occurred_at"),
        ({"occurred_at": True}, "invalid", "occurred_at"),
        ({"occurred_at": 2**70}, "invalid", "occurred_at"),
        ({"video_id": "a\0b"}, "bad_text", "video_id"),
        ({"platform": "\ud800"}, "bad_text", "platform"),
        ({"platform": float("nan")}, "not_finite", "platform"),
        ({"platform": float("-inf")}, "not_finite", "platform"),
        ({"experiments": [[[[[1]]]]]}, "invalid", "experiments.0"),
        ({"experiments": [{"a": [{"b": [1]}]}]}, "too_deep", "experiments"),
    ],
)
async def test_a_rejection_names_the_field(door: Door, change: dict[str, Any], code: str, field: str) -> None:
    answer = await door.post([like() | change, like()])
    assert answer.status_code == 202
    verdict = only(answer)
    assert (verdict["status"], verdict["code"], verdict["field"]) == ("rejected", code, field)
    assert len(door.log.records) == 1


async def test_a_missing_field_is_named(door: Door) -> None:
    answer = await door.post([sent("video.liked")])
    assert (only(answer)["code"], only(answer)["field"]) == ("missing", "video_id")


async def test_a_doubled_key_is_rejected_and_its_neighbour_is_not(door: Door) -> None:
    text = json.dumps(like())
    doubled = text[:-1] + ', "video_id": "v2"}'
    answer = await door.post(f"[{doubled}, {json.dumps(like())}]".encode())
    assert only(answer)["code"] == "duplicate_key"
    assert only(answer)["field"] == "video_id"
    assert answer.json()["accepted"] == 1


async def test_text_that_looks_like_a_key_is_text(door: Door) -> None:
    answer = await door.post([like(platform='a": "b')])
    assert answer.json()["accepted"] == 1
    assert door.log.events[0]["platform"] == 'a": "b'


async def test_ndjson_gives_a_verdict_for_each_line(door: Door) -> None:
    body = b"\n".join([json.dumps(like()).encode(), b"", b"{oops", json.dumps(like()).encode(), b""])
    answer = await door.post(body, content_type="application/x-ndjson; charset=utf-8")
    assert answer.status_code == 202
    assert [verdict["code"] for verdict in answer.json()["events"]] == [None, "malformed_json", None]


async def test_gzip_is_inflated(door: Door) -> None:
    body = gzip.compress(json.dumps([like()] * 3).encode())
    answer = await door.post(body, content_encoding="gzip")
    assert answer.json()["accepted"] == 3


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"[{", {}, 400, "malformed_json"),
        (b"\xff\xfe", {}, 400, "malformed_json"),
        (b"", {}, 400, "malformed_json"),
        (b"[]", {}, 400, "no_events"),
        (b"{}", {}, 400, "not_an_array"),
        (b"[" * 100_000, {}, 400, "malformed_json"),
        (b"9" * 10_000, {}, 400, "malformed_json"),
        (b"x" * (MAX_BODY + 1), {}, 413, "body_too_large"),
        (b"[" + b"1," * 500 + b"1]", {}, 413, "too_many_events"),
        (b"1\n" * 501, {"content_type": "application/x-ndjson"}, 413, "too_many_events"),
        (gzip.compress(b" " * (MAX_INFLATED + 1)), {"content_encoding": "gzip"}, 413, "body_too_large"),
        (b"not gzip", {"content_encoding": "gzip"}, 400, "bad_gzip"),
        (gzip.compress(b"[]")[:-4], {"content_encoding": "gzip"}, 400, "bad_gzip"),
        (gzip.compress(b"[]") * 2, {"content_encoding": "gzip"}, 400, "bad_gzip"),
        (b"[]", {"content_encoding": "br"}, 415, "unsupported_encoding"),
        (b"[]", {"content_type": "text/plain"}, 415, "unsupported_media_type"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused_as_a_whole(
    door: Door, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await door.post(body, **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"]


async def test_a_large_event_is_rejected_alone(door: Door) -> None:
    answer = await door.post([like(platform="x" * 70_000), like()])
    assert [verdict["code"] for verdict in answer.json()["events"]] == ["event_too_large", None]


@pytest.mark.parametrize(
    ("said", "kept"), [(0, NOW - 7 * DAY), (NOW + DAY, NOW + 300_000), (NOW - 5, NOW - 5)]
)
async def test_instants_are_clamped_to_what_the_gateway_saw(door: Door, said: int, kept: int) -> None:
    view = sent(
        "view.ended", occurred_at=said, started_at=said, view_id="w1", video_id="v1", watch_ms=1,
        content_ms=1, max_pos_ms=1, seg_mask=1, exit="swiped", seq=1,
    )  # fmt: skip
    answer = await door.post([view])
    assert answer.status_code == 202, answer.text
    assert door.log.events[0]["occurred_at"] == kept
    assert door.log.events[0]["started_at"] == kept


async def test_views_carry_what_the_catalog_knows(door: Door) -> None:
    door.knows("v1", by="bob", hashtags=["cats"], sound_id="s1")
    await door.post([sent("view.started", view_id="w1", video_id="v1"), like("v1"), like("unknown")])
    started, liked, unknown = door.log.events
    assert (started["creator_id"], started["duration_ms"]) == ("bob", None)
    assert (liked["creator_id"], unknown["creator_id"]) == ("bob", None)


async def test_a_catalog_that_is_down_or_late_costs_the_fields_not_the_events(door: Door) -> None:
    door.catalog.down = True
    assert (await door.post([like()])).status_code == 202
    assert (await door.post([like()])).status_code == 202
    assert door.catalog.asked == 1  # the second did not even ask
    late = Door()
    late.catalog.slow_s = 30.0
    assert (await late.post([like()])).status_code == 202


async def test_facts_are_remembered_and_asked_for_once(door: Door) -> None:
    door.knows("v1", by="bob")
    for _ in range(3):
        await door.post([like("v1")] * 5)
    assert door.catalog.asked == 1


async def test_a_comment_is_sealed_before_the_log_sees_it(door: Door) -> None:
    secret = "nobody else should read this"
    comment = sent("comment.created", comment_id="c1", video_id="v1", text=secret)
    assert (await door.post([comment])).status_code == 202
    [event] = door.log.events
    assert secret.encode() not in door.log.records[0][2]
    assert "text" not in event
    pii, key_id = str(event["pii"]), str(event["pii_key_id"])
    assert door.keyring.open(pii, key_id, comment["event_id"]) == {"text": secret}


async def test_a_comment_without_text_is_rejected(door: Door) -> None:
    answer = await door.post([sent("comment.created", comment_id="c1", video_id="v1")])
    assert (only(answer)["code"], only(answer)["field"]) == ("missing", "text")


async def test_a_keyring_that_is_down_is_503(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(name: str) -> bytes:
        raise KeyringUnavailable("down by hand")

    monkeypatch.setattr(door.keys, "get", down)
    answer = await door.post([sent("comment.created", comment_id="c1", video_id="v1", text="hello")])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert not door.log.records


async def test_a_log_that_does_not_confirm_is_503_with_retry_after(door: Door) -> None:
    door.log.broken = True
    answer = await door.post([like()])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    door.log.broken = False
    assert (await door.post([like()])).status_code == 202


async def test_too_fast_is_429_with_retry_after_and_goes_on_after_it() -> None:
    door = Door(rate_per_second=10, rate_burst=20)
    assert (await door.post([like()] * 20)).status_code == 202
    answer = await door.post([like()] * 20)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert (await door.post([like()], token=door.token("bob"))).status_code == 202
    door.clock.advance(2_000)
    assert (await door.post([like()] * 20)).status_code == 202


async def test_a_bug_is_a_500_that_tells_nothing(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(messages: object) -> None:
        raise RuntimeError("a secret in a message")

    monkeypatch.setattr(door.log, "send", broken)
    answer = await door.post([like()], x_request_id="my-request")
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "my-request"
    assert "secret" not in answer.text


async def test_a_service_names_the_actor_when_its_key_may(door: Door) -> None:
    answer = await door.post([like(actor_id="carl"), like()], token=SERVICE_KEY)
    assert [verdict["field"] for verdict in answer.json()["events"]] == [None, "actor_id"]
    assert (door.log.events[0]["actor_id"], door.log.events[0]["source"]) == ("carl", "/svc/backfill")
