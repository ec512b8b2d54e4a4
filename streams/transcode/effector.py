"""The transcode effector: takes what the renditions fold says is to be done, does it, tells the log.

Its work list is a fold over forever-topics, claimed by lease with fencing; it has no position, and no
replay ever starts it. It may run twice for one job (a crash, a lost lease): outputs stand under the
original's hash and facts have the job's ids, so that twice comes to once.
"""

import asyncio
import contextlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mode import Service

from infra.kafka.publisher import EventLog, LogUnavailable
from infra.telemetry import JOB_SECONDS, Log
from projections.position import StoreUnavailable
from projections.renditions.fold import Job, Step, evolve, next_step
from projections.renditions.store import Lease, Leases, RenditionsReads
from streams.transcode import facts
from streams.transcode.facts import Fact
from streams.transcode.lease import LeaseLost, keeping
from streams.transcode.steps import DiskFull, StepFailed, Steps

_LOG = Log("streams")
POLL_S = 2.0
"""How often the work list is read when nothing wakes the effector."""
LOOK_AT = 50
SETTLE_S = 60.0
"""How long a lease outlives its work at most, while the fold catches up with the facts."""
REST_S = 5.0
"""A job rests so long after a failed attempt, times the attempts."""
MOST_TRIES = 5
"""A job that so many workers in a row did not survive is given up: the next would not either."""
AWAY = (StoreUnavailable, LogUnavailable, DiskFull)
"""What is waited for: no fault of the video's."""


class TranscodeEffector(Service):
    """One job at a time; more workers do more. ``scratch`` is a folder that no other worker uses.

    ``may_work`` is asked before every job: what is begun is finished, whoever becomes live meanwhile."""

    def __init__(
        self,
        reads: RenditionsReads,
        leases: Leases,
        log: EventLog,
        steps: Steps,
        scratch: Path,
        may_work: Callable[[], bool] = lambda: True,
        **service: Any,
    ) -> None:
        super().__init__(**service)
        self._may_work = may_work
        self._reads, self._leases, self._log, self._steps = reads, leases, log, steps
        self._scratch = scratch
        self._ttl_s = float(steps.settings.lease_s)
        self._woken = asyncio.Event()
        self._resting: dict[str, float] = {}
        self._settling: dict[str, asyncio.Task[None]] = {}
        self.progress_ms: dict[str, int] = {}
        """How far the encoder is, for each video being made."""

    def nudge(self) -> None:
        """Look at the work list now."""
        self._woken.set()

    async def on_start(self) -> None:
        """Empty the scratch folder: what an earlier process of this worker left is nobody's."""
        await asyncio.to_thread(shutil.rmtree, self._scratch, ignore_errors=True)

    async def on_stop(self) -> None:
        """Let go of the leases that only waited for the fold."""
        for task in [*self._settling.values()]:
            task.cancel()
        await asyncio.gather(*self._settling.values(), return_exceptions=True)

    @Service.task
    async def _run(self) -> None:
        while not self.should_stop:
            try:
                await self.drain()
            except AWAY as error:
                _LOG.warning("sink_unavailable", sink="transcode", error=str(error))
            except Exception as error:  # a bug of ours: no reason to end the folds beside us
                _LOG.error("job_failed", error=repr(error), exc_info=error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), POLL_S)
            self._woken.clear()

    async def drain(self) -> None:
        """Work until nothing can be claimed any more. Raises what says that a server is away."""
        while not self.should_stop and (claimed := await self._claim()):
            video_id, lease = claimed
            try:
                async with keeping(self._leases, lease, self._ttl_s):
                    job = await self._work(video_id, lease)
            except LeaseLost:
                _LOG.warning("job_lost", job=lease.job_id, token=lease.token)
            except AWAY:
                self._rest(video_id, 1)  # another job may go better: this one's object may be what is away
                await self._release(lease)
                raise
            except Exception as error:
                _LOG.error(
                    "job_failed", job=lease.job_id, tries=lease.tries, error=repr(error), exc_info=error
                )
                self._rest(video_id, lease.tries)
                await self._release(lease, in_order=False)
            except BaseException:
                await self._release(lease)
                raise
            else:
                self._settling[video_id] = asyncio.create_task(self._settle(job, lease))

    async def _claim(self) -> tuple[str, Lease] | None:
        """A lease on the first waiting job that has none and does not rest; none while another generation
        is live, whose worker has an effector of its own."""
        if not self._may_work():
            return None
        for job in await self._reads.pending(LOOK_AT):
            rests = self._resting.get(job.video_id, 0.0) > time.monotonic()
            if rests or job.video_id in self._settling:
                continue
            lease = await self._leases.claim(facts.job_id(job.video_id), round(1000 * self._ttl_s))
            if lease is not None:
                _LOG.info("job_claimed", job=lease.job_id, token=lease.token)
                return job.video_id, lease
        return None

    async def _work(self, video_id: str, lease: Lease) -> Job:
        """Take steps until none is left or one failed; answers the job as our own facts make it."""
        self._resting.pop(video_id, None)
        job = await self._reads.job(video_id)
        folder = self._scratch / f"{video_id}.{lease.token}"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            if lease.tries > MOST_TRIES:
                return await self._give_up(job, lease)
            while (step := next_step(job)) and video_id not in self._resting:
                told = await self._attempt(step, job, folder)
                await self._tell(told, lease, video_id)
                if step == "validate" and told[0]["event_type"] != "transcode.failed":
                    await self._steps.clear(job)
                for one in told:
                    job = evolve(job, one)
                _LOG.info("job_step_done", job=lease.job_id, step=step, told=told[-1]["event_type"])
        finally:
            self.progress_ms.pop(video_id, None)
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        return job

    async def _give_up(self, job: Job, lease: Lease) -> Job:
        """For a film that ends the process each time, no attempt is ever told of as failed."""
        tail = f"{lease.tries - 1} workers ended in the middle of this job"
        _LOG.error("job_failed", job=lease.job_id, code="worker_lost", tail=tail)
        told = [facts.failed(job, "worker_lost", tail, 0, self._steps.clock.now_ms())]
        await self._tell(told, lease, job.video_id)
        return evolve(job, told[0])

    def _rest(self, video_id: str, times: int) -> None:
        self._resting[video_id] = time.monotonic() + REST_S * times

    async def _attempt(self, step: Step, job: Job, folder: Path) -> list[Fact]:
        """The step's facts, or the one fact that it failed. A bug of ours counts as a failed attempt too:
        else one odd film would be tried for ever."""

        def progress(at_ms: int) -> None:
            self.progress_ms[job.video_id] = at_ms

        try:
            with JOB_SECONDS.labels(step).time():
                return await self._steps.take(step, job, folder, progress)
        except StepFailed as error:
            code, tail = error.code, error.tail
        except AWAY:
            raise
        except Exception as error:
            code, tail = "internal", f"{type(error).__name__}: {error}"
        _LOG.error("job_failed", job=facts.job_id(job.video_id), step=step, code=code, tail=tail)
        self._rest(job.video_id, job.media.attempts + 1)
        settings = self._steps.settings
        return [facts.failed(job, code, tail, settings.transcode_attempts, self._steps.clock.now_ms())]

    async def _tell(self, told: list[Fact], lease: Lease, video_id: str) -> None:
        """Publish, if the job is still ours and still wanted."""
        if (await self._reads.job(video_id)).video.deleted:
            raise LeaseLost(f"{video_id} was deleted meanwhile")
        if not await self._leases.holds(lease):
            raise LeaseLost(lease.job_id)
        await self._log.publish_all(told)

    async def _settle(self, job: Job, lease: Lease) -> None:
        """Keep the lease until the fold shows what was told: else the work list would offer it again."""
        try:
            async with keeping(self._leases, lease, self._ttl_s), asyncio.timeout(SETTLE_S):
                while not _shows(await self._reads.job(job.video_id), job):
                    await asyncio.sleep(0.1)
        except (TimeoutError, LeaseLost, StoreUnavailable) as error:
            _LOG.warning("job_lost", job=lease.job_id, settling=True, error=str(error))
        finally:
            self._settling.pop(job.video_id, None)
            await self._release(lease)

    async def _release(self, lease: Lease, in_order: bool = True) -> None:
        """End the lease; one that cannot be ended runs out."""
        with contextlib.suppress(StoreUnavailable):
            await self._leases.release(lease, in_order)


def _shows(stored: Job, ours: Job) -> bool:
    """Whether the fold is as far as our own facts."""
    as_far = stored.media.attempts >= ours.media.attempts and next_step(stored) == next_step(ours)
    return as_far or stored.video.deleted
