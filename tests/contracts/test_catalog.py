"""The catalog's contract, held by the memory twin and by Redis alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis
import redis.asyncio

from projections.catalog.memory import MemoryCatalog
from projections.catalog.redis import RedisCatalogFold, RedisCatalogReads
from projections.catalog.store import CatalogReads, Rendition, Thumbnail, User, Video
from tests.builders import Event, batch_of, deleted, described, event, published, registered

pytest_plugins = ["tests.redis_server"]
pytestmark = pytest.mark.servers


@dataclass
class Room:
    fold: Any
    reads: CatalogReads

    def fold_all(self, *events: Event) -> None:
        """Each event in a batch of its own, in its topic's partition 0."""
        for one in events:
            topic = batch_of(one).topic
            start = self.fold.position(topic, 0)
            self.fold.apply(batch_of(one, start=start or 0), start)

    async def video(self, video_id: str = "v1") -> Video:
        found = (await self.reads.videos([video_id]))[0]
        assert found is not None
        return found


@pytest.fixture(params=["memory", "redis"])
def room(
    request: pytest.FixtureRequest,
    redis_client: redis.Redis,
    redis_reader: redis.asyncio.Redis,
    generations: Iterator[int],
) -> Room:
    if request.param == "memory":
        twin = MemoryCatalog()
        return Room(twin, twin)
    generation = next(generations)
    return Room(RedisCatalogFold(redis_client, generation), RedisCatalogReads(redis_reader, generation))


def about_v1(event_type: str, at: int = 0, **fields: Any) -> Event:
    return event(event_type, "ann", at, video_id="v1", **fields)


def started(at: int = 1, **fields: Any) -> Event:
    return about_v1("video.upload_started", at, **{"upload_id": "up1", "creator_id": "ann"} | fields)


def uploaded(at: int = 2) -> Event:
    return about_v1("video.uploaded", at, upload_id="up1", creator_id="ann", raw_key="incoming/up1")


def validated(at: int = 3, **fields: Any) -> Event:
    return about_v1(
        "video.validated", at, creator_id="ann", width=720, height=1280, duration_ms=9000, **fields
    )


def rejected(at: int = 3, **fields: Any) -> Event:
    return about_v1("video.rejected", at, **{"code": "too_long", "detail": "4 hours"} | fields)


def rendition(rung: int, at: int = 4, **fields: Any) -> Event:
    given = {"kind": "hls", "rung": rung, "key": f"ab/{rung}/index.m3u8", "ladder_version": "v1"}
    return about_v1("rendition.created", at, **given | fields)


def playlist(at: int = 5, **fields: Any) -> Event:
    return about_v1("playlist.created", at, **{"key": "ab/master.m3u8", "ladder_version": "v1"} | fields)


COMPLETED = about_v1("transcode.completed", 6, ladder_version="v1", rungs=[720, 360])
FAILED = about_v1("transcode.failed", 6, attempts=3, code="timeout", terminal=True)
ATTEMPT = about_v1("transcode.failed", 5, attempts=1, code="timeout", terminal=False)


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([started()], "uploading"),
        ([started(), described("ann", "v1", 1)], "uploading"),
        ([started(), uploaded()], "processing"),
        ([started(), uploaded(), validated()], "processing"),
        ([started(), uploaded(), rejected()], "rejected"),
        ([started(), uploaded(), rejected(4), validated(3)], "processing"),
        ([started(), uploaded(), rejected(3), validated(4)], "rejected"),
        ([started(), uploaded(), validated(), rendition(720), ATTEMPT], "processing"),
        ([started(), uploaded(), validated(), ATTEMPT, FAILED], "failed"),
        ([started(), uploaded(), validated(), FAILED, COMPLETED], "ready"),
        ([COMPLETED], "ready"),
        ([COMPLETED, published("ann", "v1", 7)], "published"),
        ([published("ann", "v1", 7), deleted("ann", "v1", 8)], "deleted"),
        ([deleted("ann", "v1", 8), published("ann", "v1", 7), COMPLETED], "deleted"),
    ],
)
async def test_the_state_follows_from_the_facts(room: Room, events: list[Event], state: str) -> None:
    room.fold_all(*events)
    assert (await room.video()).state == state


async def test_a_videos_whole_way_is_read_back(room: Room) -> None:
    room.fold_all(
        started(at=1, publish="draft"),
        described(
            "ann", "v1", 1, title="Tea", caption="Hot", hashtags=["tea"], mentions=["bob"], sound_id="s1"
        ),
        uploaded(),
        validated(),
        rendition(360, width=202, height=360, bandwidth=500, bytes=10, duration_ms=9000, codecs="avc1"),
        rendition(720, width=406, height=720, bandwidth=900, bytes=20, duration_ms=9001, codecs="avc1"),
        playlist(),
        about_v1("thumbnail.created", 5, at_ms=1000, key="ab/thumb_1000.jpg", width=202, height=360),
        COMPLETED,
        published("ann", "v1", 7),
    )
    assert await room.video() == Video(
        video_id="v1",
        creator_id="ann",
        upload_id="up1",
        state="published",
        title="Tea",
        caption="Hot",
        hashtags=("tea",),
        mentions=("bob",),
        sound_id="s1",
        visibility="public",
        duration_ms=9000,
        width=720,
        height=1280,
        created_at=1,
        published_at=7,
        publish="draft",
        reject_code=None,
        reject_detail=None,
        master_key="ab/master.m3u8",
        renditions=(
            Rendition("hls", 720, 406, 720, "avc1", 900, "ab/720/index.m3u8", 20, 9001),
            Rendition("hls", 360, 202, 360, "avc1", 500, "ab/360/index.m3u8", 10, 9000),
        ),
        thumbnails=(Thumbnail(1000, "ab/thumb_1000.jpg", 202, 360),),
    )
    assert await room.reads.video_of_upload("up1") == "v1"
    assert await room.reads.videos_of("ann", None, 10) == [(7, "v1")]


async def test_a_refusal_tells_its_reason(room: Room) -> None:
    room.fold_all(started(), uploaded(), rejected())
    video = await room.video()
    assert (video.reject_code, video.reject_detail) == ("too_long", "4 hours")


async def test_rungs_of_an_older_ladder_are_not_shown_beside_the_playlist(room: Room) -> None:
    room.fold_all(rendition(720, key="ab/v0/720", ladder_version="v0"), rendition(720), playlist())
    assert [one.key for one in (await room.video()).renditions] == ["ab/720/index.m3u8"]


async def test_the_first_publication_and_the_last_description_win(room: Room) -> None:
    room.fold_all(
        published("ann", "v1", 9, published_at=90),
        published("ann", "v1", 8, published_at=80),
        described("ann", "v1", 6, title="new", visibility="private"),
        described("ann", "v1", 5, title="old"),
    )
    video = await room.video()
    assert (video.published_at, video.title, video.visibility) == (80, "new", "private")
    assert await room.reads.videos_of("ann", None, 10) == [(80, "v1")]


async def test_a_deleted_video_leaves_its_creators_list_also_when_the_deletion_came_first(room: Room) -> None:
    room.fold_all(
        published("ann", "v1", 1),
        published("ann", "v2", 2),
        deleted("ann", "v1", 3),
        deleted("ann", "v3", 5),
        published("ann", "v3", 4),
    )
    assert await room.reads.videos_of("ann", None, 10) == [(2, "v2")]
    assert (await room.video("v3")).state == "deleted"


async def test_a_creators_videos_are_paged_newest_first(room: Room) -> None:
    room.fold_all(*(published("ann", f"v{n}", 1 + n // 3) for n in range(9)))
    paged: list[tuple[int, str]] = []
    while page := await room.reads.videos_of("ann", paged[-1] if paged else None, 2):
        paged += page
    assert paged == sorted(((1 + n // 3, f"v{n}") for n in range(9)), reverse=True)


async def test_an_account_and_its_profile(room: Room) -> None:
    room.fold_all(
        event("user.profile_updated", "ann", 5, user_id="ann", display_name="Ann", bio="tea"),
        event("user.profile_updated", "ann", 4, user_id="ann", display_name="An", avatar_key="a.jpg"),
    )
    assert await room.reads.users(["ann"]) == [None]
    room.fold_all(registered("ann", 3), registered("ann", 9, username="other"))
    assert await room.reads.users(["ann", "bob"]) == [User("ann", "ann", "Ann", "tea", "a.jpg", 3), None]
    room.fold_all(event("user.profile_updated", "ann", 6, user_id="ann", username="annie"))
    assert [user and user.username for user in await room.reads.users(["ann"])] == ["annie"]


async def test_what_is_unknown_is_none(room: Room) -> None:
    assert await room.reads.videos(["v1"]) == [None]
    assert await room.reads.videos([]) == []
    assert await room.reads.video_of_upload("up1") is None
    assert await room.reads.videos_of("ann", None, 10) == []


async def test_an_upload_is_found_under_the_first_start_only(room: Room) -> None:
    room.fold_all(started(5, upload_id="late"), started(4, upload_id="early"))
    assert await room.reads.video_of_upload("early") == "v1"
    assert await room.reads.video_of_upload("late") is None


async def test_every_position_moves_with_its_batch(room: Room) -> None:
    room.fold_all(published("ann", "v1", 1), playlist(), registered("ann"))
    assert [room.fold.position(topic, 0) for topic in room.fold.topics] == [1, 1, 1]


async def test_a_clock_far_ahead_does_not_win_for_ever(room: Room) -> None:
    year = 365 * 24 * 3_600_000
    room.fold_all(
        registered("ann", 1),
        event("user.profile_updated", "ann", year, received_at=1_000, user_id="ann", bio="ahead"),
        event("user.profile_updated", "ann", 1_000 + 10 * 60_000, user_id="ann", bio="now"),
    )
    [user] = await room.reads.users(["ann"])
    assert user is not None
    assert user.bio == "now"
