"""A first page of the following feed from what the process holds: its JSON, its tag, and the fact of it.

What is held is texts that stay until something under them changes (projections.first_pages); a page whose
cards are those of the last time is the same bytes. None of it differs from what is put together anew.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from api.parts import Parts
from api.reading.card_text import HEART, CardText, halves
from api.reading.etag import entity_tag
from api.reading.pages import Cursors
from api.reading.readers import Readers
from api.reading.served import Slate, items_of, positions_of
from infra.redis.watch import Away
from projections.first_pages import FirstPages
from projections.held_pages import Card, FirstPage
from projections.lag import FoldLag
from schemas.codec import Kept

FEED = "following"


@dataclass(frozen=True, slots=True)
class Shown:
    """A page written out: the JSON but for its end, the tag, and the places of the slate."""

    text: bytes
    tag: bytes
    items: Kept


class WarmFeed:
    """The pages of one application. ``path`` is the route's, to which cursors are bound."""

    def __init__(self, parts: Parts, pages: FirstPages, path: str) -> None:
        self._parts = parts
        self._pages = pages
        self._path = path
        self._media = parts.settings.media_base_url
        self._cursors = Cursors(parts.settings.cursor_secret.get_secret_value().encode())
        self._era: object = None
        self._readers: Readers | None = None
        self._lags: list[FoldLag] = []
        self._positions: list[str] = []

    async def page(self, user_id: str, limit: int) -> tuple[Shown, dict[str, Any]] | None:
        """The page, and the rest of what feed.served tells; None when it is to be read anew.

        Raises StoreUnavailable.
        """
        try:
            found = await self._pages.page(user_id, limit)
            if found is None:
                return None
            page, generation = found
        except Away:
            return None
        if self._readers is None or self._era is not self._pages.era:
            era = self._pages.era
            self._readers = await self._parts.reads.live()  # judges whether it can be read at all
            if self._readers.generation == generation:
                self._era = era
            return None
        shown: Shown = page.shown or self._write(page, user_id)
        lags = await self._readers.lag.lags()
        if lags is not self._lags:
            self._lags, self._positions = lags, positions_of(FEED, lags)
        return shown, {"generation": generation, "positions": self._positions}

    def _write(self, page: FirstPage, user_id: str) -> Shown:
        cards, liked = page.cards[: page.limit], page.liked
        more = len(page.keysets) > page.limit
        after = self._cursors.write(self._path, user_id, page.keysets[page.limit - 1]) if more else None
        texts = [
            b"".join((text[0], HEART[heart], text[1]))
            for text, heart in zip(map(self._text, cards), liked, strict=False)
        ]
        plain = b'{"items":[%s],"next_cursor":%s}' % (b",".join(texts), orjson.dumps(after))
        slots = [(CardText(card.video_id, b""), None) for card in cards]
        items = Kept(items_of(Slate(FEED, 0, FEED, list(slots), ())))
        shown = page.shown = Shown(plain[:-1], entity_tag(plain).encode(), items)
        return shown

    def _text(self, card: Card) -> tuple[bytes, bytes]:
        if card.text is None and card.video is not None:
            card.text = halves(card.video, card.user, card.counts, self._media)
        text: tuple[bytes, bytes] = card.text
        return text
