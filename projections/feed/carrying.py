"""Carrying orders out: which go into one call of the script, and two calls under way where that is safe.

While one call's answer is on its way and the next is made ready, Redis would wait: a seventh of a fan-out's
time. So what a first call leaves undone is carried out over two connections. Each call holds Redis as long as
before, and serves readers in between.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence, Set
from concurrent.futures import Executor
from itertools import accumulate, takewhile
from operator import itemgetter
from typing import Any

from projections.feed.fold import Order, Publish

TOGETHER = 32
"""Uploads of one author that are delivered together, at most: some 60 us of Redis for each feed."""
_ORDERS = 20
"""Orders told in one call, uploads counted each: what is left of a long fan-out is told, and taken apart, at
every call."""

Told = list[Any]
"""An order as the script has it: [kind, ...], a publication [kind, author, [[video, at, version], ...]]."""
Call = Callable[[Sequence[Told], str, bool], tuple[int, str] | None]
"""(orders, cursor, whether there are more than these) -> how many are done and the cursor into the next; None
when all are, and the position has moved."""


def told(asked: Iterable[Order]) -> list[Told]:
    """The same as the script has them: an author's publications, up to TOGETHER of them, are one order, where
    the first of them stood. Orders may change places: facts in another order end in the same feeds. Of the
    publications of one video in an order only that which counts is told: they would go out together, and
    nothing would take the others back."""
    found: list[Told] = []
    open_for: dict[str, dict[str, list[str]]] = {}
    for order in asked:
        if not isinstance(order, Publish):
            found.append([*order])
            continue
        uploads = open_for.get(order.author)
        if uploads is None or len(uploads) == TOGETHER:
            uploads = open_for[order.author] = {}
            found.append([order.kind, order.author, uploads])
        upload = [order.video, order.at, order.version]
        uploads[order.video] = min(upload, uploads.get(order.video, upload), key=itemgetter(2))
    return [[*named, [*last.values()] if isinstance(last, dict) else last] for *named, last in found]


def carry_out(asked: Sequence[Told], call: Call, beside: Executor) -> None:
    """Carry out all of these; the last call moves the position, after every other has been answered.

    Raises what a call raises; by then none is under way any more.
    """
    now = _first(asked)
    answer = call(now, "", len(asked) > len(now))
    if answer is None:
        return
    rest, cursor = asked[answer[0] :], answer[1]
    in_turn, free = _dealt(rest)
    if not free:
        _to_the_end(rest, cursor, call, last=True)
        return
    other = beside.submit(_share, free, call)
    try:
        _to_the_end(in_turn, cursor, call)
        _share(free, call)
    finally:
        free.clear()
        error = other.exception()
    if error is not None:
        raise error
    call([], "", False)


def _dealt(rest: Sequence[Told]) -> tuple[list[Told], deque[Sequence[Told]]]:
    """What must be carried out in turn, and the rest, a call's worth each. A cursor points into the first;
    and of a video one call at a time changes what is kept, as everywhere: its partition has one owner."""
    named = Counter(video for order in rest for video in _videos(order))
    in_turn, alone = list[Told](), list[Told]()
    for nth, order in enumerate(rest):
        videos = _videos(order)
        (alone if nth and videos and all(named[one] == 1 for one in videos) else in_turn).append(order)
    free = deque[Sequence[Told]]()
    while alone:
        free.append(_first(alone))
        alone = alone[len(free[-1]) :]
    return in_turn, free


def _videos(order: Told) -> Set[str]:
    match order:
        case ["publish", _, uploads]:
            return {upload[0] for upload in uploads}
        case ["delete", video]:
            return {video}
    return frozenset()


def _share(free: deque[Sequence[Told]], call: Call) -> None:
    """Carry out what nobody else has taken; after an error nobody takes any more."""
    try:
        while True:
            try:
                taken = free.popleft()
            except IndexError:
                return
            _to_the_end(taken, "", call)
    finally:
        free.clear()


def _to_the_end(rest: Sequence[Told], cursor: str, call: Call, last: bool = False) -> None:
    """Call after call; ``last``: the position moves with the last of them."""
    while rest:
        now = _first(rest)
        answer = call(now, cursor, len(rest) > len(now) or not last)
        if answer is None:
            return
        done, cursor = answer
        rest = rest[done:]


def _first(rest: Sequence[Told]) -> Sequence[Told]:
    """As many as go into one call, at least one."""
    weights = accumulate(len(order[2]) if order[0] == "publish" else 1 for order in rest)
    return rest[: max(1, sum(1 for _ in takewhile(lambda weight: weight <= _ORDERS, weights)))]
