"""A video, its playback and its comments, for whoever may see them."""

import pytest

from tests.api.stage import MEDIA, Stage, playable
from tests.builders import Event, commented, deleted, described, event, followed, registered


@pytest.fixture
def told(stage: Stage) -> Stage:
    stage.tell(registered("ann", 1), registered("bob", 2), *playable("ann", "v1", 10))
    return stage


def comment(stage: Stage, by: str, text: str, at: int) -> Event:
    """A comment on v1, sealed as the gateway does."""
    event_id = f"00000000-0000-7000-8000-{at:012d}"
    pii, key_id = stage.keyring.seal(by, event_id, {"text": text})
    return commented(by, "v1", f"c{at}", at, event_id=event_id, pii=pii, pii_key_id=key_id)


async def test_who_sees_a_video(told: Stage) -> None:
    told.tell(*playable("ann", "mine", 11, visibility="private"))
    told.tell(*playable("ann", "ours", 12, visibility="followers"), followed("bob", "ann", 13))
    told.tell(described("ann", "draft", 14), *playable("ann", "gone", 15), deleted("ann", "gone", 16))
    seen = {
        (video, user): (await told.get(f"/v1/videos/{video}", user)).status_code
        for video in ("v1", "mine", "ours", "draft", "gone", "unheard-of")
        for user in (None, "eve", "bob", "ann")
    }
    assert {key for key, status in seen.items() if status == 200} == {
        *(("v1", user) for user in (None, "eve", "bob", "ann")),
        ("mine", "ann"), ("ours", "bob"), ("ours", "ann"), ("draft", "ann"),
    }  # fmt: skip
    assert {status for status in seen.values() if status != 200} == {404}


async def test_liked_by_me_is_null_for_nobody(told: Stage) -> None:
    assert (await told.get("/v1/videos/v1")).json()["liked_by_me"] is None
    assert (await told.get("/v1/videos/v1", "bob")).json()["liked_by_me"] is False


async def test_a_public_answer_may_be_shared_and_is_not_sent_twice(told: Stage) -> None:
    first = await told.get("/v1/videos/v1")
    assert first.headers["cache-control"].startswith("public")
    for given in (first.headers["etag"], f'"other", {first.headers["etag"]}', "*"):
        again = await told.get("/v1/videos/v1", headers={"If-None-Match": given})
        assert (again.status_code, again.content) == (304, b""), given
        assert again.headers["etag"] == first.headers["etag"]


async def test_playback_gives_absolute_addresses_of_everything(told: Stage) -> None:
    body = (await told.get("/v1/videos/v1/playback")).json()
    assert (body["hls"], body["mp4"]) == (f"{MEDIA}/v1/master.m3u8", f"{MEDIA}/v1/a.mp4")
    assert [(one["kind"], one["rung"], one["url"]) for one in body["renditions"]] == [
        ("hls", 720, f"{MEDIA}/v1/720.m3u8"),
        ("mp4", 720, f"{MEDIA}/v1/a.mp4"),
    ]


async def test_playback_before_publication_tells_the_owner_the_state_and_others_nothing(told: Stage) -> None:
    ids = {"upload_id": "u9", "creator_id": "ann"}
    told.tell(
        event("video.upload_started", "ann", 20, video_id="v9", **ids),
        event("video.uploaded", "ann", 21, video_id="v9", **ids),
    )
    assert (await told.get("/v1/videos/v9/playback")).status_code == 404
    answer = await told.get("/v1/videos/v9/playback", "ann")
    assert (answer.status_code, answer.json()["state"]) == (409, "processing")


async def test_comments_are_opened_newest_first_and_paged(told: Stage) -> None:
    told.tell(*(comment(told, "bob", f"text {at}", at) for at in range(20, 25)))
    pages = await told.pages("/v1/videos/v1/comments")
    assert [[one["text"] for one in page] for page in pages] == [
        ["text 24", "text 23"], ["text 22", "text 21"], ["text 20"],
    ]  # fmt: skip
    assert pages[0][0]["author"] == {"user_id": "bob", "username": "bob", "avatar_url": None}


async def test_a_comment_of_an_erased_author_stays_without_its_text(told: Stage) -> None:
    told.tell(comment(told, "bob", "hello", 20), comment(told, "eve", "hi", 21))
    told.keyring.forget("bob")
    items = (await told.get("/v1/videos/v1/comments")).json()["items"]
    assert [(one["comment_id"], one["text"], one["erased"]) for one in items] == [
        ("c21", "hi", False), ("c20", None, True),
    ]  # fmt: skip


async def test_comments_of_what_one_may_not_see_are_not_there(told: Stage) -> None:
    told.tell(*playable("ann", "mine", 11, visibility="private"))
    assert (await told.get("/v1/videos/mine/comments", "bob")).status_code == 404
    assert (await told.get("/v1/videos/unheard-of/comments")).status_code == 404
