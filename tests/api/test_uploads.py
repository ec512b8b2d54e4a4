"""An upload from its opening to its end, as its owner sees it, and as nobody else does."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from minio import Minio

from api.uploads.facts import raw_key
from api.uploads.ids import upload_id_of, video_id_of
from infra.settings import Settings
from projections.position import StoreUnavailable
from projections.renditions.s3 import S3Objects
from projections.renditions.store import PRIVATE
from tests.api.stage import Stage, playable
from tests.builders import deleted, event

ABOUT = {"title": "Sunrise", "caption": "over the lake", "hashtags": ["#Morning", "lake"]}


async def opened(stage: Stage, **about: Any) -> dict[str, Any]:
    answer = await stage.ask("POST", "/v1/uploads", "ann", json=ABOUT | about)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def arrive(stage: Stage, upload_id: str, folder: Path, count: int = 5) -> None:
    """Put bytes where the presigned URL would have put them."""
    (folder / "clip").write_bytes(b"x" * count)
    bucket = stage.parts.settings.bucket_uploads
    stage.parts.objects.put_file(bucket, raw_key(upload_id), folder / "clip", "video/mp4", PRIVATE)


async def state(stage: Stage, upload_id: str) -> dict[str, Any]:
    answer = await stage.get(f"/v1/uploads/{upload_id}", "ann")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_opening_tells_two_facts_and_answers_where_to_put(stage: Stage) -> None:
    body = await opened(stage, bytes=1000, mime="video/mp4", publish="draft")
    started, described = stage.log.events
    assert (started["event_type"], described["event_type"]) == ("video.upload_started", "video.described")
    assert (started["bytes"], started["publish"], started["actor_id"]) == (1000, "draft", "ann")
    assert (described["title"], described["hashtags"]) == ("Sunrise", ["morning", "lake"])
    assert {started["video_id"], described["video_id"]} == {body["video_id"]}
    assert body["upload_id"] in body["put_url"]
    assert body["max_bytes"] == 500_000_000
    assert body["expires_at"] == stage.clock.now_ms() + 3_600_000


async def test_the_owner_can_read_it_before_any_fold_knows_it_and_nobody_else_can(stage: Stage) -> None:
    upload_id = (await opened(stage))["upload_id"]
    assert (await state(stage, upload_id))["state"] == "started"
    for method, path in (("GET", ""), ("POST", "/complete")):
        answer = await stage.ask(method, f"/v1/uploads/{upload_id}{path}", "eve")
        assert answer.status_code == 404
    stage.fold_published()
    assert (await stage.get(f"/v1/uploads/{upload_id}", "eve")).status_code == 404
    assert (await stage.get("/v1/uploads/made-up.0", "ann")).status_code == 404
    assert (await stage.get(f"/v1/uploads/{upload_id}")).status_code == 401


async def test_a_repeat_hours_later_tells_of_the_same_moment(stage: Stage, tmp_path: Path) -> None:
    upload_id = (await opened(stage))["upload_id"]
    arrive(stage, upload_id, tmp_path)
    for _ in range(2):
        await stage.ask("POST", f"/v1/uploads/{upload_id}/complete", "ann")
        stage.clock.advance(2 * 3_600_000)
    first, again = (one for one in stage.log.events if one["event_type"] == "video.uploaded")
    assert again["event_id"] == first["event_id"]
    assert again["occurred_at"] == first["occurred_at"]
    assert again["received_at"] == int(str(first["received_at"])) + 2 * 3_600_000


async def test_completing_tells_the_same_facts_however_often(stage: Stage, tmp_path: Path) -> None:
    upload_id = (await opened(stage))["upload_id"]
    arrive(stage, upload_id, tmp_path)
    for _ in range(3):
        answer = await stage.ask("POST", f"/v1/uploads/{upload_id}/complete", "ann")
        assert (answer.status_code, answer.json()["state"]) == (202, "processing")
    told = stage.log.events[2:]
    assert [one["event_type"] for one in told] == ["video.uploaded", "transcode.requested"] * 3
    assert len({one["event_id"] for one in told}) == 2
    assert (told[0]["bytes"], told[0]["raw_key"]) == (5, f"incoming/{upload_id}")
    stage.fold_published()
    assert (await state(stage, upload_id))["state"] == "processing"


async def test_after_the_end_completing_again_only_answers(stage: Stage, tmp_path: Path) -> None:
    body = await opened(stage)
    arrive(stage, body["upload_id"], tmp_path)
    stage.fold_published()
    refused: dict[str, Any] = {
        "upload_id": body["upload_id"],
        "creator_id": "ann",
        "code": "no_video",
        "detail": "audio only",
    }
    stage.tell(event("video.rejected", "ann", 5, video_id=body["video_id"], **refused))
    before = len(stage.log.events)
    answer = await stage.ask("POST", f"/v1/uploads/{body['upload_id']}/complete", "ann")
    assert (answer.status_code, answer.json()["state"]) == (202, "rejected")
    assert len(stage.log.events) == before
    assert (await state(stage, body["upload_id"]))["reason"] == {"code": "no_video", "detail": "audio only"}


async def test_the_states_of_the_way(stage: Stage) -> None:
    body = await opened(stage)
    video_id, upload_id = body["video_id"], body["upload_id"]
    stage.fold_published()
    *made, publication = playable("ann", video_id, 10)
    stage.tell(*made)
    assert (await state(stage, upload_id))["rungs_done"] == [720]
    stage.tell(event("transcode.completed", "ann", 11, video_id=video_id, ladder_version="v1", rungs=[720]))
    assert (await state(stage, upload_id))["state"] == "ready"
    stage.tell(publication)
    assert (await state(stage, upload_id))["state"] == "published"
    stage.tell(deleted("ann", video_id, 12))
    assert (await state(stage, upload_id))["state"] == "deleted"


async def test_a_failed_transcode_says_its_code(stage: Stage) -> None:
    body = await opened(stage)
    stage.fold_published()
    failed: dict[str, Any] = {"attempts": 3, "code": "encoder_failed", "stderr_tail": "x", "terminal": True}
    stage.tell(event("transcode.failed", "ann", 9, video_id=body["video_id"], ladder_version="v1", **failed))
    found = await state(stage, body["upload_id"])
    assert (found["state"], found["reason"]["code"]) == ("failed", "encoder_failed")


async def test_bytes_that_are_missing_or_too_many(tmp_path: Path) -> None:
    stage = Stage(tmp_path, upload_max_bytes=10)
    assert (await stage.ask("POST", "/v1/uploads", "ann", json=ABOUT | {"bytes": 11})).status_code == 413
    upload_id = (await opened(stage, bytes=10))["upload_id"]
    path = f"/v1/uploads/{upload_id}/complete"
    answer = await stage.ask("POST", path, "ann")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_put")
    arrive(stage, upload_id, tmp_path, 11)
    answer = await stage.ask("POST", path, "ann")
    assert (answer.status_code, answer.json()["max_bytes"]) == (413, 10)
    assert [one["event_type"] for one in stage.log.events] == ["video.upload_started", "video.described"]


@pytest.mark.parametrize(
    "wrong", [{"title": "t" * 151}, {"hashtags": ["two words"]}, {"sound_id": "no spaces"}, {"colour": "red"},
              {"visibility": "friends"}, {"bytes": -1}, {"hashtags": ["x"] * 31}]
)  # fmt: skip
async def test_a_wrong_body_is_a_422_that_names_the_field(stage: Stage, wrong: dict[str, Any]) -> None:
    answer = await stage.ask("POST", "/v1/uploads", "ann", json=ABOUT | wrong)
    assert answer.status_code == 422
    assert answer.json()["field"].split(".")[0] == next(iter(wrong))
    assert stage.log.events == []


async def test_devices_do_not_upload(stage: Stage) -> None:
    assert (await stage.ask("POST", "/v1/uploads", "anon:d1", json=ABOUT)).status_code == 403
    assert (await stage.ask("POST", "/v1/uploads", json=ABOUT)).status_code == 401


async def test_with_the_log_down_writes_are_503_and_reads_go_on(stage: Stage, tmp_path: Path) -> None:
    upload_id = (await opened(stage))["upload_id"]
    arrive(stage, upload_id, tmp_path)
    stage.log.broken = True
    for path in ("/v1/uploads", f"/v1/uploads/{upload_id}/complete"):
        answer = await stage.ask("POST", path, "ann", json=ABOUT)
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert (await state(stage, upload_id))["state"] == "started"


async def test_a_bucket_that_is_away_is_a_503(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise StoreUnavailable("s3 does not answer")

    upload_id = (await opened(stage))["upload_id"]
    monkeypatch.setattr(stage.parts.objects, "head", away)
    assert (await stage.ask("POST", f"/v1/uploads/{upload_id}/complete", "ann")).status_code == 503


async def test_an_upload_that_a_service_told_of_is_its_creators(stage: Stage) -> None:
    about = {"video_id": "v1", "upload_id": "imported-1", "creator_id": "ann"}
    stage.tell(event("video.upload_started", "ann", 1, **about))
    assert (await state(stage, "imported-1"))["video_id"] == "v1"
    assert (await stage.get("/v1/uploads/imported-1", "eve")).status_code == 404


async def test_a_draft_is_published_by_its_owner_when_it_is_ready(stage: Stage) -> None:
    body = await opened(stage, publish="draft")
    video_id, path = body["video_id"], f"/v1/videos/{body['video_id']}/publish"
    stage.fold_published()
    assert (await stage.ask("POST", path, "ann")).status_code == 409
    *made, _ = playable("ann", video_id, 10)
    stage.tell(
        *made, event("transcode.completed", "ann", 11, video_id=video_id, ladder_version="v1", rungs=[720])
    )
    assert (await stage.ask("POST", path, "eve")).status_code == 404
    assert (await stage.ask("POST", path, "ann")).status_code == 202
    stage.fold_published()
    assert (await stage.get(f"/v1/videos/{video_id}")).json()["published_at"] == stage.clock.now_ms()
    before = len(stage.log.events)
    assert (await stage.ask("POST", path, "ann")).status_code == 202
    assert (await stage.ask("POST", path, "eve")).status_code == 403
    assert len(stage.log.events) == before


async def test_a_video_is_deleted_by_its_owner_or_an_operator(stage: Stage) -> None:
    for number in range(2):
        stage.tell(*playable("ann", f"v{number}", number))
    assert (await stage.ask("DELETE", "/v1/videos/v0", "eve")).status_code == 403
    assert (await stage.ask("DELETE", "/v1/videos/v0")).status_code == 401
    assert (await stage.ask("DELETE", "/v1/videos/unheard-of", "ann")).status_code == 404
    assert (await stage.ask("DELETE", "/v1/videos/v0", "ann")).status_code == 204
    assert (await stage.ask("DELETE", "/v1/videos/v1", "operator:max")).status_code == 204
    stage.fold_published()
    for number in range(2):
        assert (await stage.get(f"/v1/videos/v{number}", "ann")).status_code == 404
    assert (await stage.ask("DELETE", "/v1/videos/v0", "ann")).status_code == 204
    assert len(stage.log.events) == 2


def test_an_upload_id_proves_its_owner() -> None:
    upload_id = upload_id_of(b"secret", "v-1", "ann")
    assert video_id_of(b"secret", upload_id, "ann") == "v-1"
    assert video_id_of(b"secret", upload_id, "eve") is None
    assert video_id_of(b"other", upload_id, "ann") is None
    assert video_id_of(b"secret", upload_id.replace("v-1", "v-2"), "ann") is None
    assert video_id_of(b"secret", "é", "ann") is None


@pytest.mark.servers
async def test_bytes_go_to_a_real_store_by_the_presigned_url(s3_settings: Settings, tmp_path: Path) -> None:
    client = Minio(
        s3_settings.s3_endpoint,
        s3_settings.s3_access_key.get_secret_value(),
        s3_settings.s3_secret_key.get_secret_value(),
        secure=s3_settings.s3_secure,
        region=s3_settings.s3_region,
    )
    bucket = "uploads-of-the-api-test"
    if not await asyncio.to_thread(client.bucket_exists, bucket):
        await asyncio.to_thread(client.make_bucket, bucket)
    stage = Stage(tmp_path, S3Objects(client), bucket_uploads=bucket, upload_max_bytes=2_000_000)
    body = await opened(stage)
    path = f"/v1/uploads/{body['upload_id']}/complete"
    assert (await stage.ask("POST", path, "ann")).json()["code"] == "not_put"
    async with httpx.AsyncClient() as http:
        assert (await http.put(body["put_url"], content=b"v" * 1_000_000)).status_code == 200
        spoilt = body["put_url"].replace(body["upload_id"], body["upload_id"][:-1] + "z")
        assert (await http.put(spoilt, content=b"v")).status_code == 403
    assert (await stage.ask("POST", path, "ann")).status_code == 202
    assert stage.log.events[2]["bytes"] == 1_000_000
