"""First pages of following feeds, held by a process of the API and dropped when a key under them changes.

A page is which videos, and which of them the reader likes; what a video shows is held once for all pages.
Both are put down while their answers arrive and taken away by the news of a change, which comes in order:
what is found here once the news are settled is what Redis would answer.
"""

from itertools import chain
from typing import Any

from projections.catalog.redis import user_of, video_of
from projections.catalog.store import User
from projections.engagement.redis import COUNTED, counts_of, is_on
from projections.feed.fold import CAP, feed_page
from projections.feed.redis import READ, SLACK, first_cap, videos_in
from projections.held_pages import Bounded, Card, Command, FirstPage, Watching
from projections.lag import whole
from projections.live import FIRST, LIVE_GENERATION
from projections.redis_ledger import key

PAGES, CARDS, USERS = 1_024, 4_096, 4_096
"""How many are held at most; those that came first go first."""


class FirstPages:
    """The pages and cards of the generation that is live. Methods raise what ``watching`` raises."""

    def __init__(self, watching: Watching, cap: int = CAP) -> None:
        self._watching = watching
        self._cap = cap
        watching.changed = self._changed
        self._turn = 0
        """Moves whenever what `_cards` holds may have."""
        self.era = object()
        """Another one whenever the pointer, or the mark that the generation is whole, may have changed."""
        self._generation: int | None = None
        self._prefix = self._mark = ""
        self._users: Bounded[User | None] = Bounded(USERS)
        self._cards: Bounded[Card] = Bounded(CARDS)
        self._pages: Bounded[FirstPage] = Bounded(PAGES)

    async def page(self, user_id: str, limit: int) -> tuple[FirstPage, int] | None:
        """The page as it stands, and the live generation; None when that changes just now, or when something
        on the page is not for everyone's eyes: who may see it is decided elsewhere."""
        await self._watching.settled()
        generation = self._generation
        if generation is None and (generation := await self._find()) is None:
            return None
        page = self._pages.get(user_id)
        if page is None or page.limit != limit:
            page = await self._fetch(generation, user_id, limit)
        if page.turn == self._turn:  # no card has come or gone
            return page, generation
        turn, held = self._turn, self._cards
        cards = [held.get(video_id) for _, video_id in page.keysets]
        if cards == page.cards:  # the same ones as last time
            page.turn = turn
            return page, generation
        missing = [
            one for (_, one), card in zip(page.keysets, cards, strict=True) if not (card and card.known)
        ]
        made = await self._fetch_cards(generation, missing) if missing else {}
        shown = [made.get(one) or card for (_, one), card in zip(page.keysets, cards, strict=True)]
        page.cards = [card for card in shown if card is not None and card.plain]
        page.shown = None
        return (page, generation) if len(page.cards) == len(page.keysets) else None

    def held(self) -> int:
        """How many pages, cards and accounts."""
        return len(self._pages) + len(self._cards) + len(self._users)

    async def _find(self) -> int | None:
        """The live generation, unless another one is already. Whether it can be read is for others to judge;
        that it may be judged anew is known from ``era``."""
        looking = self.era = object()
        (pointer,) = await self._watching.ask([("GET", LIVE_GENERATION)], tuple)
        generation = FIRST if pointer is None else int(pointer)
        mark = whole(generation)

        def take(answers: list[Any]) -> int | None:
            if self.era is not looking:
                return None
            self._generation, self._prefix, self._mark = generation, key(generation, ""), mark
            return generation

        return await self._watching.ask([("GET", mark)], take)

    async def _fetch(self, generation: int, user_id: str, limit: int) -> FirstPage:
        prefix, era = key(generation, "feed", ""), self._pages
        names = [f"{prefix}followed:{user_id}", f"{prefix}celebrities"]
        names += [f"{prefix}pushed:{user_id}", key(generation, "likes", user_id)]
        arguments = prefix, user_id, first_cap(limit + 1, self._cap), SLACK, names[-1]

        def made(answer: Any, pulled: frozenset[str]) -> FirstPage:
            found = videos_in(answer)
            on = {video_id for (_, video_id), text in zip(found, answer[2], strict=True) if is_on(text)}
            keysets = feed_page(found, None, limit + 1, self._cap)
            page = FirstPage(limit, keysets, pulled, [video_id in on for _, video_id in keysets])
            era.put(user_id, page)
            return page

        ask: list[Command] = [("SINTER", *names[:2]), ("EVAL", READ, len(names), *names, *arguments)]
        page = await self._watching.ask(ask, lambda said: made(said[1], frozenset(said[0])))
        if page.pulled:
            # Again, with the names of all that is read; nothing is kept if whom it is changed.
            first, pulled = page, page.pulled
            names += [f"{prefix}timeline:{author}" for author in sorted(pulled)]

            def again(said: list[Any]) -> FirstPage:
                stands = era.get(user_id) is first
                page = made(said[0], pulled)
                if not stands:
                    era.pop(user_id, None)
                return page

            page = await self._watching.ask([("EVAL", READ, len(names), *names, *arguments)], again)
        return page

    async def _fetch_cards(self, generation: int, ids: list[str]) -> dict[str, Card]:
        cards, users = self._cards, self._users

        def take(said: list[Any]) -> dict[str, Card]:
            found = {}
            for one, facts, counts in zip(ids, said[::2], said[1::2], strict=True):
                video = video_of(one, tuple(chain.from_iterable(facts.items())))
                plain = video is not None and video.state == "published" and video.visibility == "public"
                card = found[one] = Card(one, video, counts_of(counts), plain, video is None)
                if video is not None and video.creator_id in users:
                    card.user, card.known = users[video.creator_id], True
                cards.put(one, card)
            self._turn += 1
            return found

        names = [(key(generation, "video", one), key(generation, "count", one)) for one in ids]
        asked: list[Command] = []
        for video, count in names:
            asked += [("HGETALL", video), ("HMGET", count, *COUNTED)]
        found = await self._watching.ask(asked, take)
        strangers = sorted({c.video.creator_id for c in found.values() if c.video and not c.known})
        if strangers:
            await self._fetch_users(generation, strangers, found)
        return found

    async def _fetch_users(self, generation: int, ids: list[str], found: dict[str, Card]) -> None:
        users = self._users

        def take(said: list[Any]) -> None:
            made = {
                one: user_of(one, [*chain.from_iterable(facts.items())])
                for one, facts in zip(ids, said, strict=True)
            }
            for one, user in made.items():
                users.put(one, user)
            for card in found.values():
                if card.video is not None and not card.known:
                    card.user, card.known = made[card.video.creator_id], True

        await self._watching.ask([("HGETALL", key(generation, "user", one)) for one in ids], take)

    def _forget(self) -> None:
        """All of it: what is on its way is put down where nobody looks any more."""
        self.era = object()
        self._turn += 1
        self._generation = None
        self._prefix = self._mark = ""
        self._users, self._cards, self._pages = Bounded(USERS), Bounded(CARDS), Bounded(PAGES)

    def _changed(self, name: str | None) -> None:
        if name is None or name in (LIVE_GENERATION, self._mark):
            self._forget()
            return
        self._turn += 1
        kind, _, one = name.removeprefix(self._prefix).removeprefix("feed:").partition(":")
        if kind in ("video", "count"):
            self._cards.pop(one, None)
        elif kind in ("likes", "pushed", "followed"):
            self._pages.pop(one, None)
        elif kind == "user":
            self._users.pop(one, None)
            for card in [c for c in self._cards.values() if c.video and c.video.creator_id == one]:
                self._cards.pop(card.video_id)
        elif kind == "timeline":
            for user_id in [user_id for user_id, page in self._pages.items() if one in page.pulled]:
                self._pages.pop(user_id)
        elif kind == "celebrities":
            self._pages.clear()
