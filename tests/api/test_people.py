"""Accounts, their videos, who follows whom, and what was watched."""

import pytest

from tests.api.stage import Stage, playable
from tests.builders import deleted, event, followed, registered, view_started


@pytest.fixture
def told(stage: Stage) -> Stage:
    stage.tell(*(registered(name, at) for at, name in enumerate(("ann", "bob", "eve"), 1)))
    stage.tell(followed("bob", "ann", 10), followed("eve", "ann", 11), followed("ann", "eve", 12))
    return stage


async def test_a_profile_with_its_counts(told: Stage) -> None:
    told.tell(event("user.profile_updated", "ann", 20, user_id="ann", bio="lakes", avatar_key="a/ann.jpg"))
    assert (await told.get("/v1/users/ann", "bob")).json() == {
        "user_id": "ann",
        "username": "ann",
        "display_name": None,
        "bio": "lakes",
        "avatar_url": "http://media.test/m/a/ann.jpg",
        "registered_at": 1,
        "followers": 2,
        "following": 1,
        "followed_by_me": True,
    }
    assert (await told.get("/v1/users/ann")).json()["followed_by_me"] is None


@pytest.mark.parametrize("part", ["", "/videos", "/followers", "/following"])
async def test_an_unknown_account_is_a_404(told: Stage, part: str) -> None:
    answer = await told.get(f"/v1/users/unheard-of{part}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_followers_and_following_page_by_edge(told: Stage) -> None:
    pages = await told.pages("/v1/users/ann/followers", limit=1)
    assert [[(one["user_id"], one["username"], one["since"]) for one in page] for page in pages] == [
        [("eve", "eve", 11)], [("bob", "bob", 10)],
    ]  # fmt: skip
    (page,) = await told.pages("/v1/users/ann/following")
    assert [one["user_id"] for one in page] == ["eve"]


async def test_a_follower_whom_the_catalog_does_not_know_is_listed(told: Stage) -> None:
    told.tell(followed("stranger", "bob", 20))
    (page,) = await told.pages("/v1/users/bob/followers")
    assert [(one["user_id"], one["username"]) for one in page] == [("stranger", None)]


async def test_an_accounts_videos_are_those_one_may_see(told: Stage) -> None:
    told.tell(*playable("ann", "v1", 20), *playable("ann", "v2", 21, visibility="private"))
    told.tell(*playable("ann", "v3", 22))
    for user, expected in ((None, ["v3", "v1"]), ("ann", ["v3", "v2", "v1"])):
        items = (await told.get("/v1/users/ann/videos", user)).json()["items"]
        assert [card["video_id"] for card in items] == expected


async def test_history_is_the_callers_own_without_what_is_gone(told: Stage) -> None:
    for at in range(4):
        told.tell(*playable("ann", f"v{at}", 20 + at))
    told.tell(deleted("ann", "v2", 30))
    told.tell(*(view_started("bob", f"v{at}", f"w{at}", 100 + at) for at in range(4)))
    pages = await told.pages("/v1/me/history", "bob")
    assert [[(one["video_id"], one["watched_at"]) for one in page] for page in pages] == [
        [("v3", 103), ("v1", 101)], [("v0", 100)],
    ]  # fmt: skip
    assert await told.pages("/v1/me/history", "eve") == [[]]
    assert (await told.get("/v1/me/history")).status_code == 401
