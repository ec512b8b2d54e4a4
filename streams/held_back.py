"""Batches of partitions that may not be folded further just now, kept in order, so that others go on.

A fold reads many partitions through one queue. Were it to wait at the head of the queue for one that is held,
those behind it would never come to where the hold lets them go, and a comparison would wait for ever.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from streams.handouts import Handout
from streams.progress import Key

LOOK_S = 0.02
MOST_ROWS = 200_000
"""Kept at most; then the queue waits after all. The folds of a lane keep the same batches, not copies."""


@dataclass(slots=True)
class HeldBack:
    """``fold`` folds a handout as far as it may go now and answers what is left of it; ``closed`` says that
    nothing will be folded any more. Belongs to one event loop."""

    fold: Callable[[Handout], Awaitable[Handout | None]]
    closed: Callable[[], bool]
    _waiting: dict[Key, deque[Handout]] = field(default_factory=dict)
    _releasing: "asyncio.Task[None] | None" = None

    def __len__(self) -> int:
        """Rows that wait."""
        return sum(len(one.batch) for waiting in self._waiting.values() for one in waiting)

    @property
    def any(self) -> bool:
        """Whether a partition is held."""
        return bool(self._waiting)

    async def take(self, handout: Handout) -> None:
        """Fold it, or keep what may not be folded yet behind what its partition keeps already."""
        key = handout.batch.topic, handout.batch.partition
        if key in self._waiting:
            self._waiting[key].append(handout)
        elif (rest := await self.fold(handout)) is not None:
            self._waiting[key] = deque([rest])
            if self._releasing is None or self._releasing.done():
                self._releasing = asyncio.create_task(self._release())
        while len(self) > MOST_ROWS and not self.closed():
            await asyncio.sleep(LOOK_S)

    async def _release(self) -> None:
        """Go on wherever that is allowed, until nothing waits."""
        while self._waiting and not self.closed():
            for key in [*self._waiting]:
                await self._go_on(key)
            if self._waiting:
                await asyncio.sleep(LOOK_S)

    async def _go_on(self, key: Key) -> None:
        waiting = self._waiting[key]
        while waiting and not self.closed():
            rest = await self.fold(waiting[0])
            if rest is not None:
                waiting[0] = rest
                return
            waiting.popleft()
        del self._waiting[key]
