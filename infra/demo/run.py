"""The main job before the user's eyes: people, videos, thousands of events, and what came of them.

Every run brings its own people and videos, so it can be run again and again on one stack.
"""

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

from infra.clock import Clock, new_event_id
from infra.demo.client import Client, DemoFailed
from infra.demo.clips import Clip, make_clips
from infra.demo.expected import CountsByVideo, expected_counts
from infra.demo.observe import Observer
from infra.demo.report import Report, percentiles
from infra.demo.simulation import Simulated, SimulatedVideo, simulate, tags_of

Say = Callable[[str], None]
VIEWERS = 12
PUBLISH_TIMEOUT_S = 900.0
PROBES = 30


class Demo:
    """One run. `say` gets a line for each step."""

    def __init__(self, client: Client, clock: Clock, seed: int, say: Say) -> None:
        self._client, self._clock, self._seed, self._say = client, clock, seed, say
        run = new_event_id(clock.now_ms())[-6:]
        self._creators = [f"creator-{run}-{n}" for n in range(3)]
        self._viewers = [f"viewer-{run}-{n:02}" for n in range(VIEWERS)]
        self._observer = Observer(client)
        self._sent = self._accepted = 0

    async def run(self, views: int, own: Path | None) -> Report:
        """All of it; raises DemoFailed with the first thing that did not happen."""
        await self._people()
        videos = await self._videos(own)
        sent = await self._events(videos, views)
        ids = [video.video_id for video in videos]
        expected = expected_counts(sent, ids)
        redis, clickhouse = await self._observer.settled(ids, expected)
        self._say("measuring the time from POST to visible")
        visible_redis, visible_clickhouse = await self._probe(ids[0], expected)
        feed = await self._client.get("/v1/feed/following", self._viewers[0])
        return Report(
            seed=self._seed,
            events_sent=self._sent,
            events_accepted=self._accepted,
            viewer=self._viewers[0],
            feed_items=feed["items"],
            playback=await self._playback(feed["items"]),
            counts_expected=expected,
            counts_redis=redis,
            counts_clickhouse=clickhouse,
            visible_redis_ms=visible_redis,
            visible_clickhouse_ms=visible_clickhouse,
        )

    async def _people(self) -> None:
        people = [*self._creators, *self._viewers]
        self._say(f"registering {len(people)} people; every viewer follows every creator")
        await asyncio.gather(*(self._client.sign_in(user) for user in people))
        for user in people:
            name = {"user_id": user, "username": user.replace("-", "_"), "email": f"{user}@example.org"}
            await self._post(user, [self._event("user.registered", **name)])
        for viewer in self._viewers:
            follows = [self._event("user.followed", target_id=creator) for creator in self._creators]
            await self._post(viewer, follows)

    async def _videos(self, own: Path | None) -> list[SimulatedVideo]:
        with tempfile.TemporaryDirectory(prefix="reelfold-demo-") as folder:
            self._say("making three clips with ffmpeg")
            clips = await asyncio.to_thread(make_clips, Path(folder), own)
            uploads = [
                await self._upload(creator, clip) for creator, clip in zip(self._creators, clips, strict=True)
            ]
        videos = []
        for creator, opened, clip in zip(self._creators, uploads, clips, strict=True):
            video = await self._published(creator, opened, clip.path.name)
            tags = tags_of(self._seed, video["video_id"])
            videos.append(SimulatedVideo(video["video_id"], creator, video["duration_ms"], tags))
        return videos

    async def _upload(self, creator: str, clip: Clip) -> dict[str, Any]:
        about = {"title": clip.title, "caption": clip.caption, "hashtags": list(clip.hashtags)}
        opened = await self._client.open_upload(creator, **about, bytes=clip.path.stat().st_size)
        await self._client.put(opened["put_url"], clip.path)
        await self._client.complete(creator, opened["upload_id"])
        self._say(f"uploaded {clip.path.name} ({clip.path.stat().st_size / 1e6:.1f} MB)")
        return opened

    async def _published(self, creator: str, opened: dict[str, Any], name: str) -> dict[str, Any]:
        until = monotonic() + PUBLISH_TIMEOUT_S
        told = 0
        while monotonic() < until:
            upload = await self._client.get(f"/v1/uploads/{opened['upload_id']}", creator)
            if upload["state"] == "published":
                self._say(f"{name} is playable: {opened['video_id']}")
                return await self._client.get(f"/v1/videos/{opened['video_id']}")
            if upload["state"] in ("rejected", "failed"):
                reason = upload["reason"] or {"code": "unknown", "detail": "no reason was given"}
                said = f"{name} was {upload['state']} ({reason['code']}): {reason['detail']}"
                raise DemoFailed(said)
            if len(upload["rungs_done"]) > told:
                told = len(upload["rungs_done"])
                self._say(f"{name}: {', '.join(map(str, upload['rungs_done']))} done")
            await asyncio.sleep(0.25)
        raise DemoFailed(f"{name} ({opened['video_id']}) was not playable within {PUBLISH_TIMEOUT_S:.0f} s")

    async def _events(self, videos: list[SimulatedVideo], views: int) -> list[Simulated]:
        start = self._clock.now_ms() - 30 * views
        sent = list(simulate(self._seed, self._viewers, videos, views, start))
        self._say(f"posting {len(sent)} events of {len(self._viewers)} people")
        by_actor: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for one in sent:
            by_actor[one.actor_id].append(one.event)
        began = monotonic()
        await asyncio.gather(*(self._post(actor, events) for actor, events in by_actor.items()))
        self._say(f"all acknowledged after {monotonic() - began:.1f} s")
        return sent

    async def _probe(
        self, video_id: str, expected: CountsByVideo
    ) -> tuple[dict[str, float], dict[str, float]]:
        redis, clickhouse = [], []
        for nth in range(1, PROBES + 1):
            names = {"view_id": new_event_id(self._clock.now_ms()), "video_id": video_id}
            event = self._event("view.started", **names)
            began = monotonic()
            await self._post(self._viewers[0], [event])
            views = expected[video_id]["views"] + nth
            times = await asyncio.gather(
                self._observer.until_redis(video_id, views, began),
                self._observer.until_clickhouse(event["event_id"], began),
            )
            redis.append(times[0])
            clickhouse.append(times[1])
        return percentiles(redis), percentiles(clickhouse)

    async def _playback(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Every playback URL of the feed, fetched as a player would."""
        found = []
        for item in items:
            playback = item["playback"]
            urls = [playback["hls"], playback["mp4"], playback["thumbnails"][0]["url"]]
            for url in urls:
                status, mime, _ = await self._client.head(url)
                found.append({"url": url, "status": status, "mime": mime})
        return found

    async def _post(self, actor: str, events: list[dict[str, Any]]) -> None:
        accepted = await self._client.post(actor, events)
        self._sent += len(events)
        self._accepted += accepted

    def _event(self, event_type: str, **fields: Any) -> dict[str, Any]:
        now = self._clock.now_ms()
        names = {"event_id": new_event_id(now), "event_type": event_type, "occurred_at": now}
        return names | fields
