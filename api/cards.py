"""Videos as this reader may see them: who may see what, and the card, read in few round trips."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from api.models import CountsView, Creator, Playback, PlaybackLinks, RenditionView, ThumbnailView, VideoCard
from api.reads import Readers
from projections.catalog.store import User, Video
from projections.engagement.store import Counts


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks (None when nobody is logged in), through which readers, and where media is found."""

    reads: Readers
    user_id: str | None
    media_base_url: str

    async def cards(self, video_ids: Sequence[str]) -> list[VideoCard | None]:
        """Cards in the order asked; None for what is unknown, unpublished, deleted or not for this eye."""
        ids = list(video_ids)
        if not ids:
            return []
        videos, counts, liked = await asyncio.gather(
            self.reads.catalog.videos(ids), self.reads.engagement.counts(ids), self._liked(ids)
        )
        users, seen = await asyncio.gather(self.users_of(videos), self._may_see(videos))
        return [
            self._card(video, users, count, like) if video is not None and video.video_id in seen else None
            for video, count, like in zip(videos, counts, liked, strict=True)
        ]

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
        return self._card(video, users, counts[0], liked[0])

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
        user = users.get(user_id)
        avatar = self.url(user.avatar_key) if user else None
        return Creator(user_id=user_id, username=user.username if user else None, avatar_url=avatar)

    def url(self, key: str | None) -> str | None:
        """The public address of a key in the media bucket."""
        return None if key is None else f"{self.media_base_url.rstrip('/')}/{key}"

    def playback(self, video: Video) -> Playback:
        """Everything that can be played of a video."""
        return Playback(
            **self._links(video).model_dump(),
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
                    url=self._address(one.key),
                    bytes=one.bytes,
                    duration_ms=one.duration_ms,
                )  # fmt: skip
                for one in video.renditions
            ],
        )

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

    def _card(self, video: Video, users: dict[str, User], counts: Counts, liked: bool | None) -> VideoCard:
        return VideoCard(
            video_id=video.video_id,
            creator=self.creator(video.creator_id, users),
            title=video.title,
            caption=video.caption,
            hashtags=list(video.hashtags),
            sound_id=video.sound_id,
            visibility=video.visibility,
            state=video.state,
            duration_ms=video.duration_ms,
            width=video.width,
            height=video.height,
            published_at=video.published_at,
            counts=CountsView(
                views=counts.views, likes=counts.likes, comments=counts.comments, shares=counts.shares
            ),
            liked_by_me=liked,
            playback=self._links(video),
        )

    def _links(self, video: Video) -> PlaybackLinks:
        download = next((one.key for one in video.renditions if one.kind == "mp4"), None)
        return PlaybackLinks(
            hls=self.url(video.master_key),
            mp4=self.url(download),
            thumbnails=[
                ThumbnailView(at_ms=t.at_ms, url=self._address(t.key), width=t.width, height=t.height)
                for t in video.thumbnails
            ],
        )

    def _address(self, key: str) -> str:
        return f"{self.media_base_url.rstrip('/')}/{key}"
