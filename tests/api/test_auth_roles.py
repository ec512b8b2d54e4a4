"""Who may post what: the whole table, ownership, and the keys' scopes."""

import pytest

from api.callers.roles import MAY_POST, may_post
from schemas.catalogue import versions
from schemas.topics import BY_NAME, OPS, TOPIC_OF
from tests.api.door import NARROW_KEY, NO_SCOPE_KEY, SERVICE_KEY, Door, like, sent

DEVICE = {"view.started", "view.ended", "view.heartbeat"}
USER = DEVICE | {
    "user.registered", "user.profile_updated", "user.followed", "user.unfollowed",
    "video.described", "video.deleted", "video.liked", "video.unliked", "video.shared",
    "comment.created", "comment.deleted", "feed.impression",
}  # fmt: skip
OPERATOR = USER | {"video.rejected", "transcode.requested"}
NOBODY = set(BY_NAME[OPS].events)


def test_the_table_has_every_type_and_no_other() -> None:
    assert set(MAY_POST) == set(versions()) == set(TOPIC_OF)
    assert len(MAY_POST) == 35


@pytest.mark.parametrize("event_type", sorted(MAY_POST))
def test_the_table_says_what_the_contract_says(event_type: str) -> None:
    assert may_post("device", event_type) == (event_type in DEVICE)
    assert may_post("user", event_type) == (event_type in USER)
    assert may_post("operator", event_type) == (event_type in OPERATOR)
    assert may_post("service", event_type) == (event_type not in NOBODY)


@pytest.mark.parametrize("event_type", sorted(NOBODY))
async def test_no_key_posts_what_the_commands_tell_of_themselves(event_type: str) -> None:
    door = Door()
    for token in (SERVICE_KEY, door.token("olga", role="operator")):
        answer = await door.post([sent(event_type)], token=token)
        assert answer.status_code == 422
        assert answer.json()["events"][0]["code"] == "forbidden_type"


@pytest.mark.parametrize("event_type", sorted(set(MAY_POST) - USER))
async def test_a_user_is_told_what_a_user_may_not_post(event_type: str) -> None:
    answer = await Door().post([sent(event_type)])
    assert answer.status_code == 422
    assert answer.json()["events"][0]["code"] == "forbidden_type"


async def test_a_device_may_view_and_no_more() -> None:
    door = Door()
    answer = await door.post([sent("view.started", view_id="w", video_id="v"), like()], token=door.device())
    assert [verdict["code"] for verdict in answer.json()["events"]] == [None, "forbidden_type"]
    assert door.log.events[0]["actor_id"] == "anon:d1"


async def test_a_user_registers_only_the_own_account() -> None:
    door = Door()
    own, other = (sent("user.registered", user_id=user, username=user) for user in ("ann", "bob"))
    answer = await door.post([own, other])
    assert [verdict["code"] for verdict in answer.json()["events"]] == [None, "not_yours"]
    assert (await door.post([other | {"actor_id": "bob"}], token=SERVICE_KEY)).status_code == 202


async def test_a_user_deletes_only_own_videos_by_the_catalog() -> None:
    door = Door()
    door.knows("mine", by="ann")
    door.knows("bobs", by="bob")
    wanted = [("mine", "ann"), ("bobs", "ann"), ("bobs", "bob"), ("nowhere", "ann")]
    answer = await door.post([sent("video.deleted", video_id=v, creator_id=c) for v, c in wanted])
    codes = [verdict["code"] for verdict in answer.json()["events"]]
    assert codes == [None, "not_yours", "not_yours", "unknown_video"]


async def test_an_owner_that_cannot_be_checked_is_no_owner() -> None:
    door = Door()
    door.catalog.down = True
    answer = await door.post([sent("video.deleted", video_id="v", creator_id="ann")])
    assert answer.json()["events"][0]["code"] == "owner_not_checked"


async def test_an_operator_deletes_any_video() -> None:
    door = Door()
    gone = sent("video.deleted", video_id="v", creator_id="bob")
    assert (await door.post([gone], token=door.token("olga", role="operator"))).status_code == 202
    assert door.log.events[0]["actor_id"] == "olga"


async def test_a_key_without_the_scope_may_not_write() -> None:
    answer = await Door().post([like()], token=NO_SCOPE_KEY)
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


async def test_a_key_that_may_not_name_the_actor_acts_as_itself() -> None:
    door = Door()
    answer = await door.post([like(actor_id="ann"), like()], token=NARROW_KEY)
    assert [verdict["code"] for verdict in answer.json()["events"]] == ["server_field", None]
    assert door.log.events[0]["actor_id"] == "svc:narrow"
