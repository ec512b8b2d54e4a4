"""Messages -> runs -> batches: the part of the lane between the fetch and the folds.

A batch is due when it is large, or old, or when the log is read to its end: so a single event goes on
within milliseconds, and a backlog goes in batches of thousands.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from confluent_kafka import Message

from schemas.batch import RecordBatch
from streams.assembling import Invalid, Run
from streams.assignment import Held
from streams.deadletters import DeadLetterLimit, DeadLetterOffice, Header, Letter
from streams.decoding import Decoder
from streams.progress import Handout, Key

BUSY_FACTOR = 20
"""While the folds are busy a batch may grow this many times older than when they wait for work."""
OLDEST_S = 1.0
"""... but never older than this."""
POLL_S = 0.02
"""How long a fetch waits for more messages at most."""
MAX_BYTES = 32 * 1024 * 1024
"""What is buffered at most, whatever the number of messages: a run of huge ones must not eat the memory."""


@dataclass(slots=True)
class Intake:
    """``office`` is None where another lane parks what cannot be read. ``batch_age_s`` in seconds.

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
    _oldest: float = 0.0
    _bytes: int = 0

    @property
    def poll_s(self) -> float:
        """How long a fetch may wait."""
        return min(self.batch_age_s, POLL_S)

    def take(self, message: Message, held: Mapping[Key, Held]) -> None:
        """Buffer one message, unless its partition is not read now or it is behind the place."""
        key = cast(Key, (message.topic(), message.partition()))
        offset = cast(int, message.offset())
        place = held.get(key)
        if place is None or offset < place.next:
            return
        run = self._runs.get(key)
        if run is None:
            if not self._runs:
                self._oldest = time.monotonic()
            run = self._runs[key] = Run(*key, place.next)
            self._sources[key] = []
        run.add(offset, message.timestamp()[1], message.value())
        self._sources[key].append(message)
        self._bytes += len(message.value() or b"")
        place.next = offset + 1

    def forget(self, key: Key) -> None:
        """What is buffered of a partition is void."""
        run = self._runs.pop(key, None)
        self._sources.pop(key, None)
        if run is not None:
            self._bytes -= sum(len(value or b"") for value in run.values)

    def due(self, at_end: bool, busy: bool) -> bool:
        """Whether to flush. ``at_end``: the last fetch came back short; ``busy``: the folds have work."""
        if not self._runs:
            return False
        if self._bytes >= MAX_BYTES or sum(map(len, self._runs.values())) >= self.batch_rows:
            return True
        age = time.monotonic() - self._oldest
        if busy:
            return age >= min(BUSY_FACTOR * self.batch_age_s, OLDEST_S)
        return (at_end and self.eager) or age >= self.batch_age_s

    def flush(self, held: Mapping[Key, Held]) -> Iterator[Handout]:
        """Everything buffered as batches; what cannot be read is parked first.

        Raises TooManyDeadLetters, and Stopped when the worker stops while something is waited for.
        """
        runs, sources = self._runs, self._sources
        self._runs, self._sources, self._bytes = {}, {}, 0
        for key, run in runs.items():
            yield Handout(self._batch(run, sources[key]), held[key].epoch)

    def _batch(self, run: Run, sources: Sequence[Message]) -> RecordBatch:
        batch, invalid = self.decoder.assemble(run)
        key = (run.topic, run.partition)
        new = [one for one in invalid if self.limit.is_new(key, run.offsets[one.index])]
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
