"""Pages: an opaque cursor that says where the next one begins, and filling a page past what is hidden.

A cursor is the keyset of the last item served, signed. The signature covers the scope (route, its
parameters) and the user, so a cursor works only where and for whom it was made. It names no offset
and no generation: it goes on rightly after a promote and while items come and go.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import orjson

DEFAULT_LIMIT = 10
MAX_LIMIT = 50
_TAG_BYTES = 12
_ROUNDS = 6
"""How often a page whose items are hidden is refilled before it is served short."""

Item = TypeVar("Item")
Rank = TypeVar("Rank", int, float)


class BadCursor(ValueError):
    """The cursor was not made by us for this route and user."""


class Cursors:
    """Signs and reads cursors. ``secret`` is the same in every process of a deployment."""

    def __init__(self, secret: bytes) -> None:
        if not secret:
            raise ValueError("cursors need a secret")
        self._secret = secret

    def write(self, scope: str, user_id: str, keyset: tuple[int | float, str]) -> str:
        """The cursor that goes on after this keyset."""
        body = orjson.dumps(keyset)
        return base64.urlsafe_b64encode(self._tag(scope, user_id, body) + body).rstrip(b"=").decode()

    def read(self, scope: str, user_id: str, cursor: str) -> tuple[float, str]:
        """The keyset in a cursor; raises BadCursor."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadCursor("the cursor is not one of ours") from error
        tag, body = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(scope, user_id, body)):
            raise BadCursor("the cursor belongs to another route or user, or was changed")
        rank, last_id = orjson.loads(body)  # signed, so it is what `write` wrote
        return rank, last_id

    def _tag(self, scope: str, user_id: str, body: bytes) -> bytes:
        message = orjson.dumps([scope, user_id]) + body
        return hmac.digest(self._secret, message, hashlib.sha256)[:_TAG_BYTES]


@dataclass(frozen=True, slots=True)
class Page(Generic[Item, Rank]):
    """Items of one page and the keyset after which the next begins; None at the end."""

    items: list[Item]
    after: tuple[Rank, str] | None


async def fill(
    fetch: Callable[[tuple[Rank, str] | None, int], Awaitable[list[tuple[Rank, str]]]],
    show: Callable[[Sequence[tuple[Rank, str]]], Awaitable[Sequence[Item | None]]],
    before: tuple[Rank, str] | None,
    limit: int,
) -> Page[Item, Rank]:
    """A page of up to ``limit`` items that may be shown, in the order that ``fetch`` gives.

    ``fetch(before, n)`` answers the next n keysets (fewer only at the end); ``show`` turns them into
    items, None for what this reader may not see. Hidden ones are made up for by further rounds, a
    bounded number: after that the page is served short, with a cursor, rather than late.
    """
    shown: list[tuple[tuple[Rank, str], Item]] = []
    for turn in range(_ROUNDS):
        wanted = MAX_LIMIT if turn else limit + 1  # one more than shown tells whether a next page exists
        keysets = await fetch(before, wanted)
        items = await show(keysets) if keysets else []
        shown += [(k, item) for k, item in zip(keysets, items, strict=True) if item is not None]
        if len(shown) > limit:
            return Page([item for _, item in shown[:limit]], shown[limit - 1][0])
        if len(keysets) < wanted:
            return Page([item for _, item in shown], None)
        before = keysets[-1]
    return Page([item for _, item in shown], before)
