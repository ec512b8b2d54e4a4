"""Cursors hold only where and for whom they were made; pages neither skip nor repeat."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.reading.pages import MAX_LIMIT, BadCursor, Cursors, fill
from projections.keyset import page
from tests.api.stage import Stage, playable

CURSORS = Cursors(b"secret")
KEYSETS = st.tuples(st.integers(0, 2**53) | st.floats(allow_nan=False, allow_infinity=False), st.text())


@given(KEYSETS, st.text(), st.text())
def test_a_cursor_gives_back_its_keyset(keyset: tuple[float, str], scope: str, user: str) -> None:
    assert CURSORS.read(scope, user, CURSORS.write(scope, user, keyset)) == keyset


@given(st.text(), st.text())
def test_a_cursor_is_bound_to_scope_and_user(scope: str, user: str) -> None:
    cursor = CURSORS.write("/v1/feed/following", "ann", (5, "v"))
    if (scope, user) != ("/v1/feed/following", "ann"):
        with pytest.raises(BadCursor):
            CURSORS.read(scope, user, cursor)
    with pytest.raises(BadCursor):
        Cursors(b"another secret").read("/v1/feed/following", "ann", cursor)


def test_scope_and_user_are_not_run_together() -> None:
    with pytest.raises(BadCursor):
        CURSORS.read("a", "bc", CURSORS.write("ab", "c", (5, "v")))


@given(st.binary(max_size=40))
def test_what_we_did_not_sign_is_refused(raw: bytes) -> None:
    with pytest.raises(BadCursor):
        CURSORS.read("s", "u", base64.urlsafe_b64encode(raw).decode())


@given(st.text())
def test_any_text_is_refused_as_a_cursor(text: str) -> None:
    with pytest.raises(BadCursor):
        CURSORS.read("s", "u", text)


def test_no_bit_of_a_cursor_can_be_changed() -> None:
    cursor = CURSORS.write("s", "u", (5, "v"))
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    for index in range(len(raw)):
        changed = raw[:index] + bytes([raw[index] ^ 1]) + raw[index + 1 :]
        with pytest.raises(BadCursor):
            CURSORS.read("s", "u", base64.urlsafe_b64encode(changed).decode())


Items = st.lists(st.tuples(st.integers(0, 50), st.uuids().map(str)), max_size=120, unique=True)


@given(Items, st.integers(1, 10), st.integers(1, 4), st.data())
async def test_pages_show_what_may_be_shown_once_and_in_order(
    items: list[tuple[int, str]], limit: int, share: int, data: st.DataObject
) -> None:
    hidden = {item for index, item in enumerate(items) if index % share}

    async def fetch(before: tuple[int, str] | None, count: int) -> list[tuple[int, str]]:
        assert 0 < count <= MAX_LIMIT
        return page(items, before, count)

    async def show(keysets: list[tuple[int, str]]) -> list[str | None]:
        return [None if keyset in hidden else keyset[1] for keyset in keysets]

    shown: list[str] = []
    before: tuple[int, str] | None = None
    for _ in range(len(items) + 1):
        found = await fill(fetch, show, before, limit)  # type: ignore[arg-type]
        assert len(found.items) == limit or found.after is None
        shown += found.items
        before = found.after
        if before is None:
            break
    assert shown == [one for at, one in sorted(items, reverse=True) if (at, one) not in hidden]


async def test_a_long_run_of_hidden_items_ends_a_page_early_with_a_cursor() -> None:
    items = [(at, f"v{at}") for at in range(1_000)]

    async def fetch(before: tuple[int, str] | None, count: int) -> list[tuple[int, str]]:
        return page(items, before, count)

    async def show(keysets: list[tuple[int, str]]) -> list[str | None]:
        return [one if at < 10 else None for at, one in keysets]

    found = await fill(fetch, show, None, 10)  # type: ignore[arg-type]
    assert found.items == []
    assert found.after is not None


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=51", "limit=ten", "cursor=nonsense", "cursor=%F0%9F%92%A5"]
)
async def test_a_wrong_page_is_a_400_that_names_the_parameter(stage: Stage, query: str) -> None:
    answer = await stage.get(f"/v1/feed/trending?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"] == query.split("=")[0]


async def test_a_cursor_of_another_window_user_or_list_is_a_400(stage: Stage) -> None:
    for at in range(3):
        stage.tell(*playable("ann", f"v{at}", at))
    stage.rank("1h", "v0", "v1", "v2")
    first = (await stage.get("/v1/feed/trending?window=1h&limit=1", "bob")).json()
    cursor = first["next_cursor"]
    good = await stage.get(f"/v1/feed/trending?window=1h&cursor={cursor}", "bob")
    assert [card["video_id"] for card in good.json()["items"]] == ["v1", "v2"]
    for path, user in (
        (f"/v1/feed/trending?window=24h&cursor={cursor}", "bob"),
        (f"/v1/feed/trending?window=1h&cursor={cursor}", "eve"),
        (f"/v1/feed/trending?window=1h&cursor={cursor}", None),
        (f"/v1/feed/following?cursor={cursor}", "bob"),
    ):
        assert (await stage.get(path, user)).status_code == 400, path
