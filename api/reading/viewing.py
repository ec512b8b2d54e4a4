"""What read routes ask of a request: the viewer, and the page that is wanted."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request

from api.callers.auth import maybe_caller
from api.parts import parts_of
from api.problems import Problem
from api.reading.card_text import CardText
from api.reading.cards import Viewer
from api.reading.models import VideoCard
from api.reading.pages import DEFAULT_LIMIT, MAX_LIMIT, BadCursor, Cursors, Page, fill

Item = TypeVar("Item")
Keysets = Sequence[tuple[Any, str]]
Fetch = Callable[[tuple[Any, str] | None, int], Awaitable[list[tuple[Any, str]]]]
LONGEST_CURSOR = 400


async def viewer(request: Request) -> Viewer:
    """Whoever asks, before the live generation's readers."""
    parts, principal = await parts_of(request), await maybe_caller(request)
    return Viewer(
        await parts.reads.live(), principal.actor_id if principal else None, parts.settings.media_base_url
    )


Viewing = Annotated[Viewer, Depends(viewer)]


@dataclass(frozen=True, slots=True)
class Asked:
    """The page that a request asks for. Cursors are bound to ``scope`` and ``user_id``."""

    cursors: Cursors
    scope: str
    user_id: str
    limit: int
    cursor: str | None

    def within(self, parameter: str) -> "Asked":
        """The same, with a parameter of the route that changes what the list is."""
        return replace(self, scope=f"{self.scope}?{parameter}")

    async def page(
        self, fetch: Fetch, show: Callable[[Keysets], Awaitable[Sequence[Item | None]]]
    ) -> tuple[list[Item], str | None]:
        """The page's items and its next_cursor; 400 when the cursor is not of this list and user."""
        try:
            before = self.cursor and self.cursors.read(self.scope, self.user_id, self.cursor)
        except BadCursor as error:
            raise Problem(400, "bad_cursor", f"{error}.".capitalize(), field="cursor") from None
        found: Page[Item, Any] = await fill(fetch, show, before or None, self.limit)
        after = found.after and self.cursors.write(self.scope, self.user_id, found.after)
        return found.items, after


async def asked(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items in the page.")] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None, Query(max_length=LONGEST_CURSOR, description="next_cursor of the page before.")
    ] = None,
) -> Asked:
    """The page that the query asks for; 400 when limit is not 1 to 50."""
    parts, principal = await parts_of(request), await maybe_caller(request)
    cursors = Cursors(parts.settings.cursor_secret.get_secret_value().encode())
    return Asked(cursors, request.url.path, principal.actor_id if principal else "", limit, cursor)


Paging = Annotated[Asked, Depends(asked)]


def shown_by(viewing: Viewer) -> Callable[[Keysets], Awaitable[list[VideoCard | None]]]:
    """Keysets of videos -> their cards."""

    async def show(keysets: Keysets) -> list[VideoCard | None]:
        return await viewing.cards([video_id for _, video_id in keysets])

    return show


def texts_by(viewing: Viewer) -> Callable[[Keysets], Awaitable[list[CardText | None]]]:
    """Keysets of videos -> their cards as JSON."""

    async def show(keysets: Keysets) -> list[CardText | None]:
        return await viewing.texts([video_id for _, video_id in keysets])

    return show
