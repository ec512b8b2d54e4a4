"""Cards: a video as feeds and profiles show it, as a model and as the same JSON put together from parts.

A page of a feed is 20 cards of which only the counts and the heart change from one reader to the next. What
stays is kept as text by what it is made of, so that nothing of it can be out of date.
"""

from dataclasses import dataclass
from functools import lru_cache

from api.reading.models import CountsView, Creator, PlaybackLinks, ThumbnailView, VideoCard
from projections.catalog.store import User, Video
from projections.engagement.store import Counts

HELD = 4_096
"""Cards whose text is kept, some 2 KB each."""
HEART = {None: b"null", True: b"true", False: b"false"}
_NONE = Counts(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class CardText:
    """The JSON of a VideoCard."""

    video_id: str
    text: bytes


def card_text(
    video: Video, user: User | None, counts: Counts, liked: bool | None, media_base_url: str
) -> CardText:
    """Byte for byte what the model would be dumped as."""
    before, behind = halves(video, user, counts, media_base_url)
    return CardText(video.video_id, b"".join((before, HEART[liked], behind)))


def halves(video: Video, user: User | None, counts: Counts, media_base_url: str) -> tuple[bytes, bytes]:
    """What everybody gets: the JSON before the heart and behind it."""
    before, behind = _still(video, user, media_base_url)
    numbers = b',"counts":{"views":%d,"likes":%d,"comments":%d,"shares":%d},"liked_by_me":' % (
        counts.views,
        counts.likes,
        counts.comments,
        counts.shares,
    )
    return before + numbers, behind


@lru_cache(maxsize=HELD)
def _still(video: Video, user: User | None, media_base_url: str) -> tuple[bytes, bytes]:
    """The JSON before the counts, and what comes after the heart."""
    card = card_of(video, user, _NONE, None, media_base_url)
    before = card.model_dump_json(exclude={"counts", "liked_by_me", "playback"})
    behind = card.model_dump_json(include={"playback"})
    return before[:-1].encode(), b"," + behind[1:].encode()


def card_of(
    video: Video, user: User | None, counts: Counts, liked: bool | None, media_base_url: str
) -> VideoCard:
    """The card of a video; ``user`` made it, None while that account is not known."""
    return VideoCard(
        video_id=video.video_id,
        creator=creator_of(video.creator_id, user, media_base_url),
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
        playback=links_of(video, media_base_url),
    )


def creator_of(user_id: str, user: User | None, media_base_url: str) -> Creator:
    """An account as it stands beside what it made."""
    avatar = address(user.avatar_key, media_base_url) if user and user.avatar_key is not None else None
    return Creator(user_id=user_id, username=user.username if user else None, avatar_url=avatar)


def links_of(video: Video, media_base_url: str) -> PlaybackLinks:
    """Where a player begins."""
    download = next((one.key for one in video.renditions if one.kind == "mp4"), None)
    return PlaybackLinks(
        hls=None if video.master_key is None else address(video.master_key, media_base_url),
        mp4=None if download is None else address(download, media_base_url),
        thumbnails=[
            ThumbnailView(at_ms=t.at_ms, url=address(t.key, media_base_url), width=t.width, height=t.height)
            for t in video.thumbnails
        ],
    )


def address(key: str, media_base_url: str) -> str:
    """The public address of a key in the media bucket."""
    return f"{media_base_url.rstrip('/')}/{key}"
