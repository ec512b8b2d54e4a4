"""What the door asks the catalog about a video: remembered a while, never waited for long.

A view or a like is taken in even when nobody knows the video or the store is down: the fields that
the catalog would fill stay empty then.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Set
from dataclasses import dataclass

from api.reading.readers import ReadSource
from infra.clock import Clock
from infra.telemetry import Log
from projections.catalog.store import Video
from projections.position import ProjectionError

_LOG = Log("api")
PATIENCE_S = 0.05
KNOWN_MS = 60_000
UNKNOWN_MS = 2_000
PAUSE_MS = 1_000
CACHED = 50_000


@dataclass(frozen=True, slots=True)
class Facts:
    """What is filled into events about a video."""

    creator_id: str
    duration_ms: int | None
    sound_id: str | None
    hashtags: tuple[str, ...]

    @classmethod
    def of(cls, video: Video) -> "Facts":
        """The facts of a catalog entry."""
        return cls(video.creator_id, video.duration_ms, video.sound_id, video.hashtags)


class FactCache:
    """Video id -> Facts, bounded in entries, age and waiting time."""

    def __init__(self, reads: ReadSource, clock: Clock, patience_s: float = PATIENCE_S) -> None:
        self._reads = reads
        self._clock = clock
        self._patience_s = patience_s
        self._paused_until = 0
        self._held: OrderedDict[str, tuple[int, Facts | None]] = OrderedDict()
        self._running: set[asyncio.Task[None]] = set()

    async def of(self, wanted: Set[str]) -> Mapping[str, Facts | None]:
        """What is known of videos in time; None: the catalog has no such one; absent: it did not answer."""
        known = self._known(wanted)
        if len(known) == len(wanted) or self._clock.now_ms() < self._paused_until:
            return known
        missing = sorted(wanted - known.keys())
        # The task outlives our patience: what it learns serves the next request.
        task = asyncio.create_task(self._learn(missing))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        _, late = await asyncio.wait({task}, timeout=self._patience_s)
        if late:
            self._pause("slow")
        return known | self._known(set(missing))

    def _known(self, video_ids: Set[str]) -> dict[str, Facts | None]:
        now = self._clock.now_ms()
        return {
            video_id: entry[1]
            for video_id in video_ids
            if (entry := self._held.get(video_id)) is not None and entry[0] > now
        }

    async def _learn(self, video_ids: list[str]) -> None:
        try:
            readers = await self._reads.live()
            videos = await readers.catalog.videos(video_ids)
        except ProjectionError as error:
            self._pause(str(error))
            return
        now = self._clock.now_ms()
        for video_id, video in zip(video_ids, videos, strict=True):
            facts = Facts.of(video) if video is not None else None
            self._held[video_id] = (now + (KNOWN_MS if facts else UNKNOWN_MS), facts)
            self._held.move_to_end(video_id)
        while len(self._held) > CACHED:
            self._held.popitem(last=False)

    def _pause(self, reason: str) -> None:
        """Ask no more for a moment, so that a store that is down costs each second one request."""
        self._paused_until = self._clock.now_ms() + PAUSE_MS
        _LOG.warning("catalog_unavailable", reason=reason)
