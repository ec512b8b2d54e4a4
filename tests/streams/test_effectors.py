"""Effectors work in the live generation's worker only, and begin and end to without a restart."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from infra.kafka.publisher_memory import MemoryPublisher
from infra.settings import Settings
from projections.renditions.fold import Job
from streams.transcode.effector import TranscodeEffector


class Reads:
    """A work list that counts how often it is asked."""

    asked = 0

    async def pending(self, limit: int) -> list[Job]:
        self.asked += 1
        return []


async def test_no_job_is_looked_for_while_another_generation_is_live(tmp_path: Path) -> None:
    reads, live = Reads(), {"now": False}
    steps = SimpleNamespace(settings=Settings())
    effector = TranscodeEffector(
        cast(Any, reads), cast(Any, None), MemoryPublisher(), cast(Any, steps), tmp_path, lambda: live["now"]
    )
    await effector.drain()
    assert reads.asked == 0
    live["now"] = True
    await effector.drain()
    assert reads.asked == 1
    live["now"] = False
    await effector.drain()
    assert reads.asked == 1
