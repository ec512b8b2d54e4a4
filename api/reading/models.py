"""What the read API answers, with the examples that OpenAPI shows. Times are epoch milliseconds."""

from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from projections.catalog.store import VideoState

VIDEO_ID = "v-0192f0c1a2b37c0d8e4f5a6b7c8d9e0f"
ID = r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$"
"""What ids look like: only such ones become part of a store's keys."""
PathId = Annotated[str, Path(max_length=128, pattern=ID)]
MEDIA = "http://127.0.0.1:19000/reelfold-media/9f/9f86d081/v1"


def example(**values: Any) -> ConfigDict:
    """A frozen model with these values as its example in OpenAPI."""
    return ConfigDict(frozen=True, json_schema_extra={"examples": [values]})


class Creator(BaseModel):
    """Who made a video, or wrote a comment."""

    model_config = example(user_id="ann", username="ann", avatar_url=None)
    user_id: str
    username: str | None = Field(description="null while the account is not known here")
    avatar_url: str | None = None


class CountsView(BaseModel):
    """What a video has gathered."""

    model_config = example(views=1204, likes=310, comments=14, shares=9)
    views: int
    likes: int
    comments: int
    shares: int


class ThumbnailView(BaseModel):
    """A still picture of a video."""

    model_config = example(at_ms=1000, url=f"{MEDIA}/thumb_1000.jpg", width=360, height=640)
    at_ms: int
    url: str
    width: int
    height: int


class RenditionView(BaseModel):
    """A rung of the ladder, or the download file."""

    model_config = example(
        kind="hls", rung=720, width=720, height=1280, codecs="avc1.64001f,mp4a.40.2",
        bandwidth=2_600_000, url=f"{MEDIA}/720/index.m3u8", bytes=1_900_000, duration_ms=6000,
    )  # fmt: skip
    kind: str
    rung: int
    width: int
    height: int
    codecs: str
    bandwidth: int
    url: str
    bytes: int
    duration_ms: int


class PlaybackLinks(BaseModel):
    """Where a player begins. Absolute URLs."""

    model_config = example(
        hls=f"{MEDIA}/master.m3u8", mp4=f"{MEDIA}/download.mp4",
        thumbnails=[{"at_ms": 1000, "url": f"{MEDIA}/thumb_1000.jpg", "width": 360, "height": 640}],
    )  # fmt: skip
    hls: str | None
    mp4: str | None
    thumbnails: list[ThumbnailView]


class Playback(PlaybackLinks):
    """Everything that can be played of a video."""

    video_id: str
    duration_ms: int | None
    renditions: list[RenditionView]


class VideoCard(BaseModel):
    """A video as feeds and profiles show it."""

    model_config = example(
        video_id=VIDEO_ID, creator={"user_id": "ann", "username": "ann"}, title="Sunrise",
        caption="over the lake #morning", hashtags=["morning"], sound_id=None, visibility="public",
        state="published", duration_ms=6000, width=720, height=1280, published_at=1_800_000_000_000,
        counts={"views": 1204, "likes": 310, "comments": 14, "shares": 9}, liked_by_me=False,
        playback={"hls": f"{MEDIA}/master.m3u8", "mp4": f"{MEDIA}/download.mp4", "thumbnails": []},
    )  # fmt: skip
    video_id: str
    creator: Creator
    title: str
    caption: str
    hashtags: list[str]
    sound_id: str | None
    visibility: str
    state: VideoState
    duration_ms: int | None
    width: int | None
    height: int | None
    published_at: int | None
    counts: CountsView
    liked_by_me: bool | None = Field(description="null when nobody is logged in")
    playback: PlaybackLinks


class VideoPage(BaseModel):
    """A page of videos."""

    items: list[VideoCard]
    next_cursor: str | None = Field(description="null at the end", examples=["bXktY3Vyc29y"])


class FeedPage(VideoPage):
    """A page of a feed. Send ``request_id`` along with impressions and views of its items."""

    request_id: str = Field(examples=["0192f0c1-a2b3-7c0d-8e4f-5a6b7c8d9e0f"])


class WatchedCard(VideoCard):
    """A video that was watched."""

    watched_at: int


class HistoryPage(BaseModel):
    """A page of what was watched, newest first."""

    items: list[WatchedCard]
    next_cursor: str | None = Field(description="null at the end")


class CommentView(BaseModel):
    """A comment. Its text is null once its author's key is erased."""

    model_config = example(
        comment_id="c-1", author={"user_id": "bob", "username": "bob"}, text="lovely", erased=False,
        parent_id=None, created_at=1_800_000_000_000,
    )  # fmt: skip
    comment_id: str
    author: Creator
    text: str | None
    erased: bool
    parent_id: str | None
    created_at: int


class CommentPage(BaseModel):
    """A page of comments, newest first."""

    items: list[CommentView]
    next_cursor: str | None = Field(description="null at the end")


class Person(BaseModel):
    """An account's public face."""

    model_config = example(
        user_id="ann", username="ann", display_name="Ann", bio="lakes", avatar_url=None,
        registered_at=1_800_000_000_000, followers=42, following=7, followed_by_me=None,
    )  # fmt: skip
    user_id: str
    username: str
    display_name: str | None
    bio: str | None
    avatar_url: str | None
    registered_at: int
    followers: int
    following: int
    followed_by_me: bool | None = Field(description="null when nobody is logged in")


class Edge(BaseModel):
    """One account in a list of followers or followed."""

    model_config = example(user_id="bob", username="bob", display_name="Bob", avatar_url=None, since=1)
    user_id: str
    username: str | None
    display_name: str | None
    avatar_url: str | None
    since: int


class EdgePage(BaseModel):
    """A page of accounts, newest edge first."""

    items: list[Edge]
    next_cursor: str | None = Field(description="null at the end")
