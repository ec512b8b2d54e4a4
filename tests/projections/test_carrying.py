"""How a fan-out's calls follow one another, two of them under way: without a Redis."""

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.feed.carrying import Told, carry_out
from projections.position import StoreUnavailable
from tests.executors import AtLast, AtOnce

CALLS = 3
"""Of a publication's fan-out here, for each of its uploads."""


class Script:
    """The script's twin: a publication takes CALLS calls for each upload, all else one."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.moved = False
        self.begun, self.most = Counter[str](), 0
        self._lock = threading.Lock()
        self._under_way: list[set[str]] = []

    def call(self, asked: Sequence[Told], cursor: str, more: bool) -> tuple[int, str] | None:
        mine = {name for order in asked for name in named(order)}
        with self._lock:
            assert not self.moved
            assert not any(mine & others for others in self._under_way), "two calls change one video"
            self._under_way.append(mine)
            self.most = max(self.most, len(self._under_way))
        answer = self.answered(asked, cursor, more)
        with self._lock:
            self._under_way.remove(mine)
            self.moved = answer is None
        return answer

    def answered(self, asked: Sequence[Told], cursor: str, more: bool) -> tuple[int, str] | None:
        if asked:
            name = "+".join(sorted(named(asked[0])))
            calls = int(cursor.partition(" ")[0] or 0) + 1
            assert cursor in ("", f"{calls - 1} {name}"), "a cursor of something else"
            if calls < CALLS * len(named(asked[0])):
                return 0, f"{calls} {name}"
            self.ended.append(name)
            if more or len(asked) > 1:
                return 1, ""
        return (len(asked), "") if more else None


def named(order: Told) -> set[str]:
    return {upload[0] for upload in order[2]} if order[0] == "publish" else {order[1]}


def publish(*videos: str) -> Told:
    return ["publish", f"by-{videos[0]}", [[video, "1", "1"] for video in videos]]


names = st.sampled_from([f"v{n}" for n in range(6)])
orders = st.one_of(
    st.lists(names, min_size=1, max_size=3, unique=True).map(lambda videos: publish(*videos)),
    names.map(lambda video: ["delete", video]),
    names.map(lambda video: ["follow", f"who saw {video}", "x", "1"]),
)


@given(asked=st.lists(orders, max_size=8))
def test_all_is_carried_out_once_and_then_the_position_moves(asked: list[Told]) -> None:
    script = Script()
    with ThreadPoolExecutor(1) as beside:
        carry_out(asked, script.call, beside)
    assert script.moved
    assert Counter(script.ended) == Counter("+".join(sorted(named(order))) for order in asked)


A, B, C = (publish(*(f"{author}{nth}" for nth in range(20))) for author in "abc")
"""As many uploads as go into one call."""


def test_what_has_no_video_in_common_is_under_way_at_once() -> None:
    together, told = threading.Barrier(2, timeout=20), list[Sequence[Told]]()

    def call(asked: Sequence[Told], cursor: str, more: bool) -> tuple[int, str] | None:
        told.append(asked)
        if not asked:
            return None
        if len(told) == 1:
            return 0, "after some"
        together.wait()  # the second call for A, and the first for B
        return 1, ""

    with ThreadPoolExecutor(1) as beside:
        carry_out([A, B], call, beside)
    assert told[0] == [A] and told[3] == []
    assert [A] in told[1:3] and [B] in told[1:3]


@pytest.mark.parametrize("last", [publish("d", "b7"), ["delete", "b7"]])
def test_what_has_a_video_in_common_goes_in_turn(last: Told) -> None:
    heard = list[Told]()

    def call(asked: Sequence[Told], cursor: str, more: bool) -> tuple[int, str] | None:
        heard.extend(asked)
        return (len(heard) > 1, "") if more else None

    carry_out([A, B, last], call, Executor())  # it would refuse
    assert heard == [A, A, B, last]


@pytest.mark.parametrize(("beside", "away", "told"), [(AtOnce(), B, [A, B, A]), (AtLast(), A, [A, A])])
def test_an_error_of_either_ends_both_and_the_position_stays(
    beside: Executor, away: Told, told: list[Told]
) -> None:
    """What is under way is waited for, and nothing else is begun."""
    heard: list[Told] = []

    def call(asked: Sequence[Told], cursor: str, more: bool) -> tuple[int, str] | None:
        assert asked, "the position moved"
        heard.extend(asked)
        if len(heard) == 1:
            return 0, "after some"
        if asked == [away]:
            raise StoreUnavailable("away")
        return 1, ""

    with pytest.raises(StoreUnavailable):
        carry_out([A, B, C], call, beside)
    assert heard == told
