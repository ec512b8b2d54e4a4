"""Facts that may be lost rather than waited for: a bounded buffer in front of the log.

A read tells what it served and answers at once. While the log is away the buffer fills; what does not
fit is dropped and counted (`reelfold_background_events_total`), never silently.
"""

import asyncio
from collections import deque
from itertools import islice

from infra.kafka.messages import Event
from infra.kafka.publisher import EventLog, LogUnavailable
from infra.telemetry import BACKGROUND, Log
from schemas.errors import SchemaError

CAPACITY = 10_000
BATCH = 1_000
GATHER_S = 0.1
"""How long facts wait for more: a broker does as much for a batch of one as for one of hundreds, and at six
thousand reads a second it took a core when each turn of the loop sent its own."""
RETRY_S = 1.0
_LOG = Log("infra")


class BackgroundLog:
    """Takes events without waiting. Used from one event loop; its task starts with the first event."""

    def __init__(
        self, log: EventLog, capacity: int = CAPACITY, retry_s: float = RETRY_S, gather_s: float = GATHER_S
    ) -> None:
        self._log = log
        self._capacity = capacity
        self._retry_s = retry_s
        self._gather_s = gather_s
        self._held: deque[Event] = deque()
        self._task: asyncio.Task[None] | None = None

    def put(self, event: Event) -> bool:
        """Take an event, or drop and count it when the buffer is full; False then."""
        if len(self._held) >= self._capacity:
            BACKGROUND.labels("dropped").inc()
            return False
        self._held.append(event)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._drain())
        return True

    def __len__(self) -> int:
        return len(self._held)

    async def close(self, timeout_s: float = 5.0) -> int:
        """Try to publish what is held; how many were left, which count as dropped."""
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=timeout_s)
            self._task.cancel()
        left = len(self._held)
        self._held.clear()
        BACKGROUND.labels("dropped").inc(left)
        return left

    async def _drain(self) -> None:
        size = BATCH
        while self._held:
            if len(self._held) < size:
                await asyncio.sleep(self._gather_s)
            batch = list(islice(self._held, size))
            try:
                await self._log.publish_all(batch)
            except LogUnavailable:
                # Kept, in order: a repeat carries the same event ids. The buffer's bound is the limit.
                await asyncio.sleep(self._retry_s)
                continue
            except SchemaError as error:
                if len(batch) > 1:  # nothing was sent: close in on the broken one, for the others' sake
                    size = len(batch) // 2
                    continue
                _LOG.error("events_rejected", code=type(error).__name__, events=1)
                BACKGROUND.labels("dropped").inc()
            else:
                BACKGROUND.labels("published").inc(len(batch))
            size = BATCH
            for _ in batch:
                self._held.popleft()
