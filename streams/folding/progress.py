"""Where a fold is in each partition: the part of a sink that needs no thread, no loop and no Kafka.

A fold wants the log from its `cursor` on: rows between the cursor and its position are shown to it
again (`warm`), rows from the position on are folded. The store's own position is the truth; when it
turns out to be another than expected, memory and place are made anew from the store.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from infra.failpoints import reach
from projections.position import FoldsTogether, FoldsTopics, FoldStore, PositionConflict
from schemas.batch import RecordBatch
from streams.folding.handouts import Handout, Handouts

Key = tuple[str, int]
"""(topic, partition)"""
Past = Callable[[Key, int, int], Iterable[RecordBatch]]
"""What the log no longer holds of a partition: batches since this time (epoch ms) up to this offset. May
raise StoreUnavailable."""
AUDITED = 4
"""Partitions of a fold that an audit looks at: one question each, and each is a query in ClickHouse."""


@dataclass(frozen=True, slots=True)
class Step:
    """What became of a batch: the part that was folded (None when it was seen before, or only shown
    again), or that the lane must seek for this fold."""

    folded: RecordBatch | None = None
    seek: bool = False


class LogMismatch(Exception):
    """The log does not hold what the fold must read next; going on would skip records silently."""


class LogGone(LogMismatch):
    """The log has let go of what the fold must read next: it is in the archive, or nowhere. A replay fills
    the fold from there; until then its partition waits."""


class LogView(Protocol):
    """One partition of the log, as far as finding a place in it goes."""

    @property
    def low(self) -> int:
        """Its first offset."""
        ...

    @property
    def high(self) -> int:
        """The offset after its last."""
        ...

    def offset_at(self, appended_at: int) -> int:
        """The first offset appended at this time (epoch ms) or later; `high` when none is."""
        ...


@dataclass(slots=True)
class Place:
    """``cursor``: the next offset to see. ``position``: the next to fold, None before the first."""

    cursor: int
    position: int | None
    epoch: int
    lost: bool = False


def nothing(key: Key, since: int, until: int) -> Iterable[RecordBatch]:
    """A past that nobody kept."""
    return ()


class Progress:
    """One fold's places. Not thread-safe: whoever owns it calls it from one thread."""

    def __init__(
        self,
        fold: FoldStore,
        accept_loss: bool = False,
        on_conflict: Callable[[PositionConflict], None] = lambda conflict: None,
        past: Past = nothing,
    ) -> None:
        self.fold = fold
        self.places: dict[Key, Place] = {}
        self._accept_loss = accept_loss
        self._on_conflict = on_conflict
        self._past = past
        self._audited = 0

    def start(self, key: Key, log: LogView, epoch: int) -> int:
        """Where the log is to be read from for this fold, from this epoch on.

        Raises StoreUnavailable, LogGone when the log has let go of what must come next, and LogMismatch
        when it ends before that.
        """
        place = self.places.get(key)
        if place is None or place.lost:
            position = self.fold.position(*key)
            cursor = self._rewound(key, position, log)
            self.fold.forget(*key)
            if position is not None:
                self._recall(key, log, cursor)
            place = self.places[key] = Place(cursor, position, epoch)
        place.epoch = epoch
        return place.cursor

    def drop(self, key: Key) -> None:
        """The partition belongs to someone else now."""
        if self.places.pop(key, None) is not None:
            self.fold.forget(*key)

    def step(self, handout: Handout) -> Step:
        """Fold what is new in the batch. StoreUnavailable: try the same again."""
        batch = handout.batch
        place = self.places.get((batch.topic, batch.partition))
        if place is None or place.lost or handout.epoch != place.epoch or batch.next <= place.cursor:
            return Step()
        if batch.start > place.cursor:
            return Step(seek=True)
        try:
            return Step(folded=self._fold(batch.since(place.cursor), place))
        except PositionConflict as conflict:
            self._on_conflict(conflict)
            place.lost = True
            return Step(seek=True)

    def together(self, *flush: Handouts) -> bool:
        """Fold all partitions of these in one step, if each begins just where the fold wants to go on.

        Otherwise False, and nothing has changed here: take them one by one. StoreUnavailable: try the same
        again.
        """
        places = [here for one in flush if (here := self._next_in_all(one)) is not None]
        step = self._step_of(flush, places) if len(places) == len(flush) else None
        if step is None:
            return False
        reach("before_sink", self.fold.name)
        try:
            step()
        except PositionConflict:
            return False  # whose it is, they find out one by one
        reach("after_sink", self.fold.name)
        for one, here in zip(flush, places, strict=True):
            for place, span in zip(here, one.batch.spans, strict=True):
                place.cursor = place.position = span.next
        return True

    def _step_of(
        self, flush: Sequence[Handouts], places: Sequence[Sequence[Place]]
    ) -> Callable[[], None] | None:
        """What folds all of it at once, if the fold can do that."""
        fold, batches = self.fold, [one.batch for one in flush]
        expected = [[place.position for place in here] for here in places]
        if len(batches) > 1:
            return partial(fold.apply_topics, batches, expected) if isinstance(fold, FoldsTopics) else None
        if isinstance(fold, FoldsTogether):
            return partial(fold.apply_together, batches[0], expected[0])
        return None

    def _next_in_all(self, handouts: Handouts) -> list[Place] | None:
        """The places of the partitions, if the batch begins at every one of them."""
        found: list[Place] = []
        for span, epoch in zip(handouts.batch.spans, handouts.epochs, strict=True):
            place = self.places.get((handouts.batch.topic, span.partition))
            if place is None or place.lost or place.epoch != epoch or place.cursor != span.start:
                return None
            if place.position not in (None, place.cursor) or span.next <= span.start:
                return None
            found.append(place)
        return found

    def audit(self) -> list[Key]:
        """The partitions whose stored position is not the expected one: marked lost, to be sought.

        A few are looked at in turn; when one of them has moved, all are. Every `apply` compares anyway: this
        is for a store that loses its data while the log is quiet, and must cost little when it does not.
        """
        known = [key for key, place in self.places.items() if place.position is not None and not place.lost]
        first = self._audited % max(1, len(known))
        self._audited = first + AUDITED
        moved = self._moved([*known[first:], *known[:first]][:AUDITED])
        if moved:
            moved = self._moved(known)
        for key in moved:
            self.places[key].lost = True
        return moved

    def _moved(self, keys: Iterable[Key]) -> list[Key]:
        return [key for key in keys if self.fold.position(*key) != self.places[key].position]

    def _fold(self, batch: RecordBatch, place: Place) -> RecordBatch | None:
        if place.position is not None and batch.start < place.position:
            known = batch.until(place.position)
            self.fold.warm(known)
            place.cursor = known.next
            batch = batch.since(known.next)
            if batch.next <= batch.start:
                return None
        reach("before_sink", self.fold.name)
        self.fold.apply(batch, place.position)
        reach("after_sink", self.fold.name)
        place.cursor = place.position = batch.next
        return batch

    def _rewound(self, key: Key, position: int | None, log: LogView) -> int:
        if position is not None and position > log.high:
            raise LogMismatch(f"{self._at(key)} stands at {position} and the log ends at {log.high}")
        if (position or 0) < log.low and not self._accept_loss:
            raise LogGone(f"{self._at(key)} stands at {position or 0} and the log begins at {log.low}")
        if position is None or not self.fold.history_ms:
            return max(position or 0, log.low)
        known = self.fold.stream_clock(*key)
        return max(min(position, log.offset_at(known - self.fold.history_ms)), log.low)

    def _recall(self, key: Key, log: LogView, cursor: int) -> None:
        """Show the fold again what of its window lies before the log's start."""
        if self.fold.history_ms and 0 < cursor <= log.low:
            since = self.fold.stream_clock(*key) - self.fold.history_ms
            for batch in self._past(key, since, cursor):
                self.fold.warm(batch)

    def _at(self, key: Key) -> str:
        return f"fold {self.fold.name} on {key[0]}/{key[1]}"
