"""Messages -> runs -> batches: the part of the lane between the fetch and the folds.

A batch is due when it is large, or old, or when the log is read to its end: so a single event goes on
within milliseconds, and a backlog goes in batches of thousands. Behind, and with folds at work, batches grow:
that costs nobody time, and each larger one costs the folds and their stores less. For the same reason small
runs of one topic go together.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from confluent_kafka import Message

from schemas.batch import TopicBatch
from streams.batches.decoding import Decoder
from streams.batches.runs import Invalid, Run
from streams.folding.handouts import Handouts
from streams.folding.progress import Key
from streams.lane.assignment import Held
from streams.letters.parking import DeadLetterLimit, DeadLetterOffice, Header, Letter

BUSY_FACTOR = 20
"""While the folds are busy a batch may grow this many times older than when they wait for work."""
OLDEST_S = 1.0
"""... but never older than this,"""
BEHIND_S = 5.0
"""... unless more of the log waits than a fetch brings."""
LEAST_POLL_S, POLL_S = 0.001, 0.01
"""How long a fetch waits for a message: without a pause a batch age of 0 would keep a core busy."""
FEW_ROWS = 500
"""A second at a hundred times this is a backlog."""
MAX_BYTES = 32 * 1024 * 1024
"""What is buffered at most, whatever the number of messages: a run of huge ones must not eat the memory."""


Fetched = tuple[Run, list[Message]]
"""A run, and the messages it was made of."""


@dataclass(slots=True)
class Intake:
    """``office`` is None where another lane parks what cannot be read. ``batch_age_s`` in seconds,
    ``batch_rows`` of one partition.

    ``eager``: do not wait for that age when the log is read to its end. For sinks where each batch is a
    transaction, and not for those where each makes parts that must be merged.
    """

    decoder: Decoder
    limit: DeadLetterLimit
    office: DeadLetterOffice | None
    batch_rows: int
    batch_age_s: float
    eager: bool = True
    _runs: dict[Key, Run] = field(default_factory=dict)
    _sources: dict[Key, list[Message]] = field(default_factory=dict)
    _began: dict[Key, float] = field(default_factory=dict)
    _large: set[Key] = field(default_factory=set)
    _bytes: int = 0
    _flushed: float = 0.0

    @property
    def poll_s(self) -> float:
        """How long a fetch may wait."""
        return max(LEAST_POLL_S, min(self.batch_age_s, POLL_S))

    @property
    def rows_at_once(self) -> int:
        """Up to how many rows batches of several topics are handed on at once. So many live rows cost little
        more than few; a backlog's are folded while the next ones are decoded."""
        return min(FEW_ROWS, self.batch_rows) if self.eager else self.batch_rows

    def take(self, message: Message, held: Mapping[Key, Held]) -> None:
        """Buffer one message, unless its partition is not read now or it is behind the place."""
        key = cast(Key, (message.topic(), message.partition()))
        offset = cast(int, message.offset())
        place = held.get(key)
        if place is None or offset < place.next:
            return
        run = self._runs.get(key)
        if run is None:
            run = self._runs[key] = Run(*key, place.next)
            self._sources[key], self._began[key] = [], time.monotonic()
        value = message.value()
        run.add(offset, message.timestamp()[1], value)
        self._sources[key].append(message)
        if value is not None:
            self._bytes += len(value)
        if len(run.offsets) >= self.batch_rows:
            self._large.add(key)
        place.next = offset + 1

    def forget(self, key: Key) -> None:
        """What is buffered of a partition is void."""
        if key in self._runs:
            self._taken(key)

    @property
    def full(self) -> bool:
        """Whether as much is buffered as should be."""
        return bool(self._large) or self._bytes >= MAX_BYTES

    def due(self, at_end: bool, busy: bool) -> bool:
        """Whether to flush. ``at_end``: the last fetch came back short; ``busy``: the folds have work."""
        if not self._runs:
            return False
        if self.full:
            return True
        age = time.monotonic() - min(self._began.values())
        if busy:
            return age >= (min(BUSY_FACTOR * self.batch_age_s, OLDEST_S) if at_end else BEHIND_S)
        if at_end or self.eager:
            rested = self.eager and time.monotonic() - self._flushed >= self.batch_age_s
            return (at_end and rested) or age >= self.batch_age_s
        return age >= max(OLDEST_S, self.batch_age_s)  # behind: fewer, larger parts

    def flush(self, held: Mapping[Key, Held]) -> Iterator[Handouts]:
        """The large runs as batches of their own, or everything where none is, the runs of a topic together;
        what cannot be read is parked first.

        Raises TooManyDeadLetters, and Stopped when the worker stops while something is waited for.
        """
        self._flushed = time.monotonic()
        alone = bool(self._large)
        taken = [self._taken(key) for key in [*(self._large or self._runs)]]
        for runs in [[one] for one in taken] if alone else self._together(taken):
            batch = self._batch(runs)
            yield Handouts(batch, [held[run.topic, run.partition].epoch for run, _ in runs])

    def _together(self, taken: Iterable[Fetched]) -> Iterator[list[Fetched]]:
        """By topic, as many as come to a batch's rows."""
        last: list[Fetched] = []
        rows = 0
        for one in sorted(taken, key=lambda one: (one[0].topic, one[0].partition)):
            run = one[0]
            if last and (last[0][0].topic != run.topic or rows + len(run) > self.batch_rows):
                yield last
                last, rows = [], 0
            last.append(one)
            rows += len(run)
        if last:
            yield last

    def _taken(self, key: Key) -> Fetched:
        """What is buffered of a partition, no longer buffered."""
        self._began.pop(key)
        self._large.discard(key)
        run = self._runs.pop(key)
        self._bytes -= sum(map(len, filter(None, run.values)))
        return run, self._sources.pop(key)

    def _batch(self, fetched: Sequence[Fetched]) -> TopicBatch:
        batch, invalid = self.decoder.assemble_together([run for run, _ in fetched])
        for (run, sources), ones in zip(fetched, invalid, strict=True):
            key = (run.topic, run.partition)
            new = [one for one in ones if self.limit.is_new(key, run.offsets[one.index])]
            if new and self.office is not None:
                self.office.park([_letter(run, one, sources[one.index]) for one in new])
        return batch


def _letter(run: Run, invalid: Invalid, source: Message) -> Letter:
    return Letter(
        run.topic,
        run.partition,
        run.offsets[invalid.index],
        run.appended_at[invalid.index],
        source.key(),
        source.value(),
        cast(Sequence[Header], source.headers() or ()),
        invalid.error,
        invalid.schema_id,
    )
