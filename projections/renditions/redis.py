"""Jobs and leases in Redis.

`g{n}:job:{video_id}` is a hash of two fields, `video` and `media`: each half as JSON, written only by
the owner of its topic's partition. Which jobs wait depends on both, so one small script writes a half
and looks at the flags of the other: `g{n}:jobs:pending` is a ZSET by time of upload, members
`creator/video` (ids hold no slash), for fairness without reading the jobs.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any, cast

import redis
import redis.asyncio

from projections.redis_fold import ScriptedFold
from projections.redis_ledger import Move, key, store_errors
from projections.renditions.fold import (
    TOPICS,
    VIDEO_TOPIC,
    Job,
    MediaHalf,
    Original,
    VideoHalf,
    evolve_media,
    evolve_video,
    fair,
)
from projections.renditions.store import Lease
from schemas.batch import Records

WINDOW = 2_000
"""How many of the oldest waiting jobs are looked at for fairness."""

_WRITE_HALVES = """
for i = 2, #KEYS do
  local half, video_id = ARGV[2 * i - 2], ARGV[2 * i - 1]
  redis.call('HSET', KEYS[i], ARGV[1], half)
  local video = cjson.decode(redis.call('HGET', KEYS[i], 'video') or '{}')
  local media = cjson.decode(redis.call('HGET', KEYS[i], 'media') or '{}')
  local member = (video.creator_id or '') .. '/' .. video_id
  local over = media.gave_up
  if media.completed and media.completed ~= '' then
    over = video.publish ~= 'auto' or (video.verdict or '') == ''
  end
  if video.open and not over then
    redis.call('ZADD', KEYS[1], string.format('%.0f', video.uploaded_at), member)
  else
    redis.call('ZREM', KEYS[1], member)
  end
end
"""
"""KEYS pending, job ...; ARGV field, then half, video_id for each job. `over` is the one line of next_step
that needs both halves."""

_IF_OURS = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
_CLAIM = """
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local now = redis.call('TIME')
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local token = string.format('%.0f', math.max(last + 1, now[1] * 1000000 + now[2]))
redis.call('SET', KEYS[2], token)
redis.call('SET', KEYS[1], token, 'PX', ARGV[1])
local tries = redis.call('INCR', KEYS[3])
redis.call('PEXPIRE', KEYS[3], ARGV[2])
return {token, tries}
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '1' then redis.call('DEL', KEYS[2]) end
return redis.call('DEL', KEYS[1])
"""
_TRIES_MS = 24 * 3_600_000
"""How long tries are remembered."""


class RedisRenditionsFold(ScriptedFold):
    """The write side."""

    name = "renditions"
    topics = TOPICS
    rows = 500

    def write(self, records: Records, moves: Sequence[Move]) -> None:
        field = "video" if records.topic == VIDEO_TOPIC else "media"
        rows = records.rows()
        with store_errors():
            before = self._halves(field, {row["video_id"] for row in rows})
        after = dict(before)
        for row in rows:
            after[row["video_id"]] = _evolved(after[row["video_id"]], row)
        changed = {video_id: half for video_id, half in after.items() if half != before[video_id]}
        keys = [self.ledger.key("jobs", "pending"), *(self.ledger.key("job", name) for name in changed)]
        halves = [word for name, half in changed.items() for word in (_text(half), name)]
        self.ledger.run_script(_WRITE_HALVES, keys, [field, *halves], moves)

    def _halves(self, field: str, video_ids: Iterable[str]) -> dict[str, VideoHalf | MediaHalf]:
        ids = sorted(video_ids)
        pipeline = self.ledger.client.pipeline(transaction=False)
        for video_id in ids:
            pipeline.hget(self.ledger.key("job", video_id), field)
        found = pipeline.execute()
        read = _video if field == "video" else _media
        return {video_id: read(text) for video_id, text in zip(ids, found, strict=True)}


class RedisRenditionsReads:
    """The read side of one generation."""

    def __init__(self, client: "redis.asyncio.Redis", generation: int) -> None:
        self._client = client
        self._generation = generation

    async def job(self, video_id: str) -> Job:
        return (await self._jobs([video_id]))[0]

    async def pending(self, limit: int) -> list[Job]:
        with store_errors():
            found = await self._client.zrange(key(self._generation, "jobs", "pending"), 0, WINDOW - 1)
        ids = fair(_creator_and_video(member) for member in cast(list[str], found))
        return await self._jobs(list(islice(ids, limit)))

    async def snapshot(self) -> dict[str, dict[str, Any]]:
        """Every job, for comparison. Reads the whole keyspace: for tests and parity."""
        prefix = key(self._generation, "job", "")
        with store_errors():
            ids = [name.removeprefix(prefix) async for name in self._client.scan_iter(prefix + "*")]
        return {job.video_id: asdict(job) for job in await self._jobs(sorted(ids))}

    async def _jobs(self, video_ids: list[str]) -> list[Job]:
        with store_errors():
            async with self._client.pipeline(transaction=False) as pipeline:
                for video_id in video_ids:
                    pipeline.hmget(key(self._generation, "job", video_id), ["video", "media"])
                found = await pipeline.execute()
        return [
            Job(video_id, _video(video), _media(media))
            for video_id, (video, media) in zip(video_ids, found, strict=True)
        ]


class RedisLeases:
    """Leases as keys that expire. The token is counted over all jobs, and is the server's time at least:
    so it does not come twice either when Redis has lost its data and somebody still holds an old one."""

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        self._client = client

    async def claim(self, job_id: str, ttl_ms: int) -> Lease | None:
        with store_errors():
            keys = _lease(job_id), "lease-tokens", _tries(job_id)
            claimed = await self._client.eval(_CLAIM, 3, *keys, str(ttl_ms), str(_TRIES_MS))
        return Lease(job_id, int(claimed[0]), int(claimed[1])) if claimed else None

    async def renew(self, lease: Lease, ttl_ms: int) -> bool:
        with store_errors():
            args = _lease(lease.job_id), str(lease.token), str(ttl_ms)
            return bool(await self._client.eval(_IF_OURS, 1, *args))

    async def holds(self, lease: Lease) -> bool:
        with store_errors():
            return bool(await self._client.get(_lease(lease.job_id)) == str(lease.token))

    async def release(self, lease: Lease, in_order: bool = True) -> None:
        keys = _lease(lease.job_id), _tries(lease.job_id)
        with store_errors():
            await self._client.eval(_RELEASE, 2, *keys, str(lease.token), str(int(in_order)))


def _creator_and_video(member: str) -> tuple[str, str]:
    creator_id, _, video_id = member.partition("/")
    return creator_id, video_id


def _lease(job_id: str) -> str:
    return f"lease:{job_id}"


def _tries(job_id: str) -> str:
    return f"lease-tries:{job_id}"


def _evolved(half: VideoHalf | MediaHalf, row: dict[str, Any]) -> VideoHalf | MediaHalf:
    return evolve_video(half, row) if isinstance(half, VideoHalf) else evolve_media(half, row)


def _text(half: VideoHalf | MediaHalf) -> str:
    """The half as JSON, with `open` for the script that decides what waits."""
    flags = {"open": half.open} if isinstance(half, VideoHalf) else {}
    return json.dumps(asdict(half) | flags, separators=(",", ":"))


def _video(text: str | None) -> VideoHalf:
    if text is None:
        return VideoHalf()
    values = json.loads(text)
    values.pop("open")
    if values["original"]:
        values["original"] = Original(**values["original"])
    return VideoHalf(**values)


def _media(text: str | None) -> MediaHalf:
    return MediaHalf() if text is None else MediaHalf(**json.loads(text))
