"""What a prober reads: videos that stand before it begins, and what each answer must hold.

Their people and facts are apart from the load's, so that the right answer is known and does not change.
"""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

from infra.chaos.town import publication
from infra.clients import s3_client
from infra.clock import new_event_id
from infra.demo.simulation import SimulatedVideo
from infra.settings import Settings

VIDEOS = 3
SEGMENT_BYTES = 200_000
Judge = Callable[[httpx.Response], bool]


@dataclass(frozen=True, slots=True)
class Question:
    """A path of the API, or a whole URL of the media store; ``right`` judges a 200."""

    kind: str
    target: str
    right: Judge
    user: str = ""

    @property
    def media(self) -> bool:
        """Whether the media store answers it, not the API."""
        return "://" in self.target


class Exhibit:
    """One maker, one viewer who follows, a few videos with a playlist and a segment each."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.viewer, self.maker = f"{name}-viewer", f"{name}-maker"
        self._settings = settings
        self._random = Random(name)
        self._videos = [SimulatedVideo(f"{name}-film-{n}", self.maker, 6_000, ()) for n in range(VIDEOS)]
        self._segments = {video.video_id: self._random.randbytes(SEGMENT_BYTES) for video in self._videos}

    def facts(self, now_ms: int) -> list[dict[str, Any]]:
        """What a trusted service tells of it."""
        names = {"source": "/svc/chaos", "occurred_at": now_ms, "received_at": now_ms}
        signs_up = {"event_type": "user.registered", "actor_id": self.maker, "user_id": self.maker}
        follows = {"event_type": "user.followed", "actor_id": self.viewer, "target_id": self.maker}
        found: list[dict[str, Any]] = [
            {**names, **signs_up, "username": "maker", "event_id": new_event_id(now_ms)},
            {**names, **follows, "event_id": new_event_id(now_ms)},
        ]
        for nth, video in enumerate(self._videos):
            found += publication(video, now_ms + nth)
            playlist = {"event_type": "playlist.created", "actor_id": self.maker, "video_id": video.video_id}
            about = {"key": f"{video.video_id}/master.m3u8", "ladder_version": "v1"}
            found.append({**names, **playlist, **about, "event_id": new_event_id(now_ms)})
        return found

    def store(self) -> None:
        """Put playlists and segments where players fetch them. Blocks; raises minio's errors."""
        client = s3_client(self._settings)
        for video_id, segment in self._segments.items():
            for name, body in (("master.m3u8", _playlist(video_id)), ("seg_00001.m4s", segment)):
                key = f"{video_id}/{name}"
                client.put_object(self._settings.bucket_media, key, io.BytesIO(body), len(body))

    def questions(self) -> list[Question]:
        """Everything that is asked, in turns."""
        newest_first = [video.video_id for video in reversed(self._videos)]

        def feed(answer: httpx.Response) -> bool:
            return [item["video_id"] for item in answer.json()["items"]] == newest_first

        found = [Question("following", "/v1/feed/following", feed, self.viewer)]
        found.append(Question("creator", f"/v1/users/{self.maker}/videos", feed))
        found.append(Question("trending", "/v1/feed/trending", lambda answer: "items" in answer.json()))
        for video_id, segment in self._segments.items():
            media = f"{self._settings.media_base_url}/{video_id}"
            found += [
                Question("video", f"/v1/videos/{video_id}", _says("video_id", video_id), self.viewer),
                Question("playback", f"/v1/videos/{video_id}/playback", _says("hls", f"{media}/master.m3u8")),
                Question("playlist", f"{media}/master.m3u8", _same(_playlist(video_id))),
                Question("segment", f"{media}/seg_00001.m4s", _same(segment)),
            ]
        return found


def _playlist(video_id: str) -> bytes:
    return f"#EXTM3U\n#EXT-X-VERSION:7\n#EXTINF:6.0,{video_id}\nseg_00001.m4s\n#EXT-X-ENDLIST\n".encode()


def _says(field: str, value: str) -> Judge:
    return lambda answer: bool(answer.json()[field] == value)


def _same(body: bytes) -> Judge:
    digest = hashlib.sha256(body).digest()
    return lambda answer: hashlib.sha256(answer.content).digest() == digest
