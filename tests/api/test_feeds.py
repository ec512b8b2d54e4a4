"""What a feed shows, to whom, and that showing it is told without being waited for."""

import asyncio

import pytest

from api.reading.models import FeedPage
from infra.telemetry import REGISTRY
from projections.lag import FoldLag
from projections.position import StoreUnavailable
from tests.api.stage import MEDIA, Stage, playable
from tests.builders import deleted, described, followed, liked, registered, shared, unfollowed

FOLLOWING = "/v1/feed/following"
TRENDING = "/v1/feed/trending"


@pytest.fixture
def told(stage: Stage) -> Stage:
    """bob follows ann, who published v0 to v4."""
    stage.tell(registered("ann", 1), registered("bob", 2), followed("bob", "ann", 3))
    for number in range(5):
        stage.tell(*playable("ann", f"v{number}", 10 + number))
    return stage


async def settled(stage: Stage) -> None:
    """Let the background buffer publish what it holds."""
    for _ in range(100):
        if not len(stage.parts.background):
            return
        await asyncio.sleep(0.01)


async def test_a_card_says_everything_that_a_player_needs(told: Stage) -> None:
    told.tell(
        described(
            "ann", "v4", 20, title="Sunrise", caption="over the lake", hashtags=["lake"], sound_id="s1"
        ),
        liked("bob", "v4", 21),
        liked("eve", "v4", 22),
        shared("eve", "v4", 23),
    )
    (card, *_) = (await told.get(FOLLOWING, "bob")).json()["items"]
    assert card == {
        "video_id": "v4",
        "creator": {"user_id": "ann", "username": "ann", "avatar_url": None},
        "title": "Sunrise",
        "caption": "over the lake",
        "hashtags": ["lake"],
        "sound_id": "s1",
        "visibility": "public",
        "state": "published",
        "duration_ms": None,
        "width": None,
        "height": None,
        "published_at": 14,
        "counts": {"views": 0, "likes": 2, "comments": 0, "shares": 1},
        "liked_by_me": True,
        "playback": {
            "hls": f"{MEDIA}/v4/master.m3u8",
            "mp4": f"{MEDIA}/v4/a.mp4",
            "thumbnails": [{"at_ms": 0, "url": f"{MEDIA}/v4/t.jpg", "width": 360, "height": 640}],
        },
    }


async def test_the_following_feed_pages_from_the_newest_to_its_end(told: Stage) -> None:
    pages = await told.pages(FOLLOWING, "bob")
    assert [[card["video_id"] for card in page] for page in pages] == [["v4", "v3"], ["v2", "v1"], ["v0"]]


async def test_following_needs_a_caller_and_trending_does_not(told: Stage) -> None:
    assert (await told.get(FOLLOWING)).status_code == 401
    assert (await told.get(FOLLOWING, "nobody")).status_code == 401
    assert (await told.get(TRENDING)).status_code == 200


async def test_hidden_videos_are_made_up_for(told: Stage) -> None:
    told.rank("24h", "v4", "v3", "v2", "v1", "v0")
    told.tell(
        deleted("ann", "v4", 30),
        described("ann", "v3", 31, visibility="private"),
        described("ann", "v2", 32, visibility="followers"),
    )
    seen = {
        user: [card["video_id"] for card in (await told.get(f"{TRENDING}?limit=2", user)).json()["items"]]
        for user in (None, "eve", "bob", "ann")
    }
    assert seen == {None: ["v1", "v0"], "eve": ["v1", "v0"], "bob": ["v2", "v1"], "ann": ["v3", "v2"]}
    told.tell(unfollowed("bob", "ann", 40))
    assert [c["video_id"] for c in (await told.get(TRENDING, "bob")).json()["items"]] == ["v1", "v0"]


async def test_an_unknown_window_is_a_400(stage: Stage) -> None:
    assert (await stage.get(f"{TRENDING}?window=2h")).json()["field"] == "window"


async def test_a_served_page_is_told_with_its_request_id(told: Stage) -> None:
    told.rank("1h", "v1", "v0")
    told.lag.tell(
        [FoldLag("trending", "rf.playback.v1", 3, 41, 50, 1), FoldLag("feed", "rf.video.v1", 0, 5, 5, 1)]
    )
    answer = (await told.get(f"{TRENDING}?window=1h", "bob")).json()
    await settled(told)
    (event,) = told.log.events
    assert event["event_type"] == "feed.served"
    assert event["request_id"] == answer["request_id"]
    assert (event["actor_id"], event["feed"], event["generation"]) == ("bob", "trending", 7)
    assert event["positions"] == ["rf.playback.v1:3:41"]
    items = event["items"]
    assert isinstance(items, list)
    assert [(i["video_id"], i["position"], i["sources"], i["score"], i["slot_kind"]) for i in items] == [
        ("v1", 0, ["trending:1h"], 2.0, "trend"),
        ("v0", 1, ["trending:1h"], 1.0, "trend"),
    ]


async def test_nothing_is_told_of_nobody_of_an_empty_page_or_of_a_304(told: Stage) -> None:
    told.rank("24h", "v0")
    first = await told.get(TRENDING, "bob")
    again = await told.get(TRENDING, "bob", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    await told.get(TRENDING)
    await told.get(FOLLOWING, "eve")
    await settled(told)
    assert len(told.log.events) == 1


async def test_with_the_log_down_feeds_still_serve_and_losses_are_counted(told: Stage) -> None:
    told.log.broken = True
    before = REGISTRY.get_sample_value("reelfold_background_events_total", {"fate": "dropped"}) or 0
    for _ in range(8):  # the stage's buffer holds 3
        answer = await asyncio.wait_for(told.get(FOLLOWING, "bob"), 1.0)
        assert answer.status_code == 200
        assert len(answer.json()["items"]) == 5
    assert REGISTRY.get_sample_value("reelfold_background_events_total", {"fate": "dropped"}) == before + 5
    told.log.broken = False
    await settled(told)
    assert len({event["event_id"] for event in told.log.events}) == len(told.log.events) == 3


async def test_an_etag_changes_with_what_is_seen_and_not_with_the_request(told: Stage) -> None:
    tags = [(await told.get(FOLLOWING, "bob")).headers["etag"] for _ in range(2)]
    assert tags[0] == tags[1]
    told.tell(liked("eve", "v0", 50))
    answer = await told.get(FOLLOWING, "bob", headers={"If-None-Match": tags[0]})
    assert answer.status_code == 200
    assert answer.headers["etag"] != tags[0]
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["vary"] == "Authorization"


async def test_a_store_that_is_away_is_a_503_that_says_when(
    told: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> list[object]:
        raise StoreUnavailable("redis does not answer")

    monkeypatch.setattr(told.engagement, "counts", away)
    answer = await told.get(FOLLOWING, "bob")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_page_put_together_from_texts_is_what_the_model_says(told: Stage) -> None:
    told.tell(
        registered("zoë", 19),
        described("ann", "v4", 20, title='a "quoted" title', caption="\u2028 <&> ü", hashtags=["é"]),
        liked("bob", "v3", 21),
    )
    for path in (FOLLOWING, f"{FOLLOWING}?limit=50", f"{TRENDING}?limit=1"):
        body = (await told.get(path, "bob")).content
        assert FeedPage.model_validate_json(body).model_dump_json().encode() == body


async def test_a_feed_asked_plainly_is_what_any_other_form_of_asking_gets(told: Stage) -> None:
    for plain, other in ((FOLLOWING, f"{FOLLOWING}?x=1"), (f"{FOLLOWING}?limit=2", f"{FOLLOWING}?limit=2&x")):
        one, same = await told.get(plain, "bob"), await told.get(other, "bob")
        assert [one.json()[name] for name in ("items", "next_cursor")] == [
            same.json()[name] for name in ("items", "next_cursor")
        ]
        assert one.headers["etag"] == same.headers["etag"]
    assert [len((await told.get(f"{FOLLOWING}?limit={n}", "bob")).json()["items"]) for n in (1, 5)] == [1, 5]
    for wrong in ("0", "51", "99", "-1", "1x", ""):
        assert (await told.get(f"{FOLLOWING}?limit={wrong}", "bob")).json()["field"] == "limit"
    assert (await told.get(f"{FOLLOWING}?limit=2")).status_code == 401
