"""Batches of partitions that may not be folded further just now, kept in order, so that others go on.

A fold reads many partitions through one queue. Were it to wait at the head of the queue for one that is held,
those behind it would never come to where the hold lets them go, and a comparison would wait for ever.

When a hold ends, what has come meanwhile is folded as few large batches. Folded as it came, a few records of
a partition at a time, it would take longer than the hold did, and more would come than is folded.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from schemas.batch import RecordBatch
from streams.folding.handouts import Handout, Handouts
from streams.folding.progress import Key

LOOK_S = 0.02
MOST_ROWS = 200_000
"""Kept at most; then the queue waits after all. The folds of a lane keep the same batches, not copies."""


@dataclass(slots=True)
class HeldBack:
    """``fold`` folds handouts, ``bound`` says up to which offset a partition may be folded now, ``closed``
    that nothing will be folded any more. Belongs to one event loop."""

    fold: Callable[[Handouts], Awaitable[None]]
    bound: Callable[[Key], int | None]
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

    def lets(self, flush: Iterable[Handouts]) -> bool:
        """Whether all of these may be folded now."""
        return not self._waiting and not any(one.cut(self._bounds(one))[1] for one in flush)

    async def take(self, handouts: Handouts) -> None:
        """Fold them, or keep what may not be folded yet behind what its partition keeps already."""
        free = self._behind_others(handouts) if self._waiting else handouts
        if free is not None:
            await self._as_far_as_they_may(free)
        if self._waiting and (self._releasing is None or self._releasing.done()):
            self._releasing = asyncio.create_task(self._release())
        while len(self) > MOST_ROWS and not self.closed():
            await asyncio.sleep(LOOK_S)

    def _behind_others(self, handouts: Handouts) -> Handouts | None:
        """What has nobody before it; the rest is kept."""
        free = []
        for one in handouts.each():
            waiting = self._waiting.get(_key(one))
            if waiting is None:
                free.append(one)
            else:
                waiting.append(one)
        return Handouts.of(*free) if free else None

    async def _as_far_as_they_may(self, handouts: Handouts) -> None:
        now, rest = handouts.cut(self._bounds(handouts))
        if now is not None:
            await self.fold(now)
        for one in rest:
            self._waiting.setdefault(_key(one), deque()).appendleft(one)

    def _bounds(self, handouts: Handouts) -> list[int | None]:
        topic, spans = handouts.batch.topic, handouts.batch.spans
        return [self.bound((topic, span.partition)) for span in spans]

    def _may(self, handout: Handout) -> bool:
        """Whether its first record may be folded."""
        bound = self.bound(_key(handout))
        return bound is None or bound > handout.batch.start

    async def _release(self) -> None:
        """Go on wherever that is allowed, until nothing waits."""
        while self._waiting and not self.closed():
            for topic in dict.fromkeys(topic for topic, _ in self._waiting):
                await self._go_on(topic)
            if self._waiting:
                await asyncio.sleep(LOOK_S)

    async def _go_on(self, topic: str) -> None:
        """Fold what waits of a topic in one batch, and what has come meanwhile, until it may not go on."""
        while not self.closed():
            waiting = {key: kept for key, kept in self._waiting.items() if key[0] == topic}
            free = [_first(kept) for kept in waiting.values() if self._may(kept[0])]
            if not free:
                return
            await self._as_far_as_they_may(Handouts.of(*free))
            for key in [key for key, kept in waiting.items() if not kept]:
                del self._waiting[key]


def _first(kept: deque[Handout]) -> Handout:
    """Take what was read in one go, as one handout: each begins where the one before it ends."""
    first = kept.popleft()
    batches: list[RecordBatch] = [first.batch]
    while kept and kept[0].epoch == first.epoch and kept[0].batch.start == batches[-1].next:
        batches.append(kept.popleft().batch)
    return Handout(RecordBatch.of(batches), first.epoch)


def _key(handout: Handout) -> Key:
    return handout.batch.topic, handout.batch.partition
