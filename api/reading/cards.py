"""Videos as this reader may see them: who may see what, and the card, read in few round trips."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from api.reading.card_text import CardText, address, card_of, card_text, creator_of, links_of
from api.reading.models import Creator, Playback, RenditionView, VideoCard
from api.reading.readers import Readers
from projections.catalog.store import User, Video
from projections.engagement.store import Counts

Shown = tuple[Video, User | None, Counts, bool | None]
"""A video, who made it, what it gathered, and whether the reader likes it."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks (None when nobody is logged in), through which readers, and where media is found."""

    reads: Readers
    user_id: str | None
    media_base_url: str

    async def cards(self, video_ids: Sequence[str]) -> list[VideoCard | None]:
        """Cards in the order asked; None for what is unknown, unpublished, deleted or not for this eye."""
        return [one and card_of(*one, self.media_base_url) for one in await self._shown(video_ids)]

    async def texts(self, video_ids: Sequence[str]) -> list[CardText | None]:
        """The same cards as JSON."""
        return [one and card_text(*one, self.media_base_url) for one in await self._shown(video_ids)]

    async def video(self, video_id: str) -> Video | None:
        """The video if this reader may see it; its owner may, published or not, unless it is deleted."""
        (video,) = await self.reads.catalog.videos([video_id])
        if video is None or video.state == "deleted":
            return None
        if self.owns(video):
            return video
        return video if video_id in await self._may_see([video]) else None

    async def card(self, video: Video) -> VideoCard:
        """The card of a video that `video` gave."""
        ids = [video.video_id]
        counts, liked, users = await asyncio.gather(
            self.reads.engagement.counts(ids), self._liked(ids), self.users_of([video])
        )
        return card_of(video, users.get(video.creator_id), counts[0], liked[0], self.media_base_url)

    def owns(self, video: Video) -> bool:
        """Whether the reader made it."""
        return self.user_id is not None and video.creator_id == self.user_id

    async def people(self, user_ids: Sequence[str]) -> dict[str, User]:
        """The known ones of these accounts."""
        distinct = sorted(set(user_ids))
        found = await self.reads.catalog.users(distinct) if distinct else []
        return {user.user_id: user for user in found if user is not None}

    async def users_of(self, videos: Sequence[Video | None]) -> dict[str, User]:
        """The creators of these videos."""
        return await self.people([video.creator_id for video in videos if video is not None])

    def creator(self, user_id: str, users: dict[str, User]) -> Creator:
        """An account as it stands beside what it made."""
        return creator_of(user_id, users.get(user_id), self.media_base_url)

    def url(self, key: str | None) -> str | None:
        """The public address of a key in the media bucket."""
        return None if key is None else address(key, self.media_base_url)

    def playback(self, video: Video) -> Playback:
        """Everything that can be played of a video."""
        return Playback(
            **links_of(video, self.media_base_url).model_dump(),
            video_id=video.video_id,
            duration_ms=video.duration_ms,
            renditions=[
                RenditionView(
                    kind=one.kind,
                    rung=one.rung,
                    width=one.width,
                    height=one.height,
                    codecs=one.codecs,
                    bandwidth=one.bandwidth,
                    url=address(one.key, self.media_base_url),
                    bytes=one.bytes,
                    duration_ms=one.duration_ms,
                )  # fmt: skip
                for one in video.renditions
            ],
        )

    async def _shown(self, video_ids: Sequence[str]) -> list[Shown | None]:
        ids = list(video_ids)
        if not ids:
            return []
        videos, counts, liked = await asyncio.gather(
            self.reads.catalog.videos(ids), self.reads.engagement.counts(ids), self._liked(ids)
        )
        users, seen = await asyncio.gather(self.users_of(videos), self._may_see(videos))
        return [
            (video, users.get(video.creator_id), count, like)
            if video is not None and video.video_id in seen
            else None
            for video, count, like in zip(videos, counts, liked, strict=True)
        ]

    async def _liked(self, ids: list[str]) -> Sequence[bool | None]:
        if self.user_id is None:
            return [None] * len(ids)
        return await self.reads.engagement.liked(self.user_id, ids)

    async def _may_see(self, videos: Sequence[Video | None]) -> set[str]:
        shown = [video for video in videos if video is not None and video.state == "published"]
        guarded = [v.creator_id for v in shown if v.visibility == "followers" and not self.owns(v)]
        follows: set[str] = set()
        if guarded and self.user_id is not None:
            answers = await self.reads.graph.follows(self.user_id, guarded)
            follows = {creator for creator, yes in zip(guarded, answers, strict=True) if yes}
        return {
            video.video_id
            for video in shown
            if self.owns(video)
            or video.visibility == "public"
            or (video.visibility == "followers" and video.creator_id in follows)
        }
