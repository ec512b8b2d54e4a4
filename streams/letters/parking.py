"""Messages that are no events: parked in a topic of their own, original bytes untouched.

A letter is confirmed by the brokers before the batch around it is handed out, so that no message is
passed by without a trace. A worker that dies in between parks it again: readers know a letter by
(dlq.topic, dlq.partition, dlq.offset). Of the lanes that read a topic only one parks (the one whose
sink reads every topic), all of them count.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Producer

from infra.telemetry import DEAD_LETTERS as PARKED
from infra.telemetry import Log
from schemas.errors import InvalidEvent
from schemas.topics import DEAD_LETTERS, LETTER_BYTES
from streams.exits import Stopped

CUT_BYTES = LETTER_BYTES - 128 * 1024
"""What is kept of a value that is too large even for the dead-letter topic: brokers that take such messages
were configured by hand, and a letter that can never be parked would hold up its partition for ever."""

_log = Log("streams")
Header = tuple[str, str | bytes | None]


@dataclass(frozen=True, slots=True)
class Letter:
    """One message that cannot be read, and why."""

    topic: str
    partition: int
    offset: int
    appended_at: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]
    error: InvalidEvent
    schema_id: int | None

    def dlq_headers(self, group: str, version: str, attempt: int) -> list[Header]:
        """The message's own headers, then ours."""
        ours: list[Header] = [
            ("dlq.topic", self.topic),
            ("dlq.partition", str(self.partition)),
            ("dlq.offset", str(self.offset)),
            ("dlq.timestamp", str(self.appended_at)),
            ("dlq.stage", self.error.stage),
            ("dlq.reason", self.error.reason),
            ("dlq.error", self.error.detail[:500]),
            ("dlq.schema_id", "" if self.schema_id is None else str(self.schema_id)),
            ("dlq.group", group),
            ("dlq.version", version),
            ("dlq.attempt", str(attempt)),
        ]
        if self.key is not None:
            ours.append(("dlq.key", self.key))
        return [*self.headers, *ours]


class DeadLetterOffice(Protocol):
    """Where letters are parked."""

    def park(self, letters: Sequence[Letter]) -> None:
        """Return when every letter is safe; waits as long as that takes."""
        ...


class KafkaDeadLetters:
    """The office on `rf.dlq.v1`. ``wait(seconds)`` sleeps, and answers False when the worker stops."""

    def __init__(
        self, config: dict[str, Any], group: str, version: str, wait: Callable[[float], bool]
    ) -> None:
        self._config = {**config, "linger.ms": 0, "message.max.bytes": LETTER_BYTES}
        self._group = group
        self._version = version
        self._wait = wait
        self._producer: Producer | None = None

    def park(self, letters: Sequence[Letter]) -> None:
        """Raises Stopped when the worker stops before all letters are safe."""
        waiting, attempt, pause = list(letters), 1, 0.2
        while waiting := self._sent(waiting, attempt):
            _log.warning("log_unavailable", letters=len(waiting), attempt=attempt)
            if not self._wait(pause):
                raise Stopped
            attempt, pause = attempt + 1, min(2 * pause, 5.0)
        for letter in letters:
            PARKED.labels(letter.topic, letter.error.reason).inc()
            _log.warning(
                "record_dead_lettered",
                topic=letter.topic,
                partition=letter.partition,
                offset=letter.offset,
                reason=letter.error.reason,
                schema_id=letter.schema_id,
            )

    def _sent(self, letters: list[Letter], attempt: int) -> list[Letter]:
        """Produce and wait; the letters that were not confirmed."""
        if self._producer is None:
            self._producer = Producer(self._config)
        receipts = [_Receipt(letter) for letter in letters]
        for receipt in receipts:
            self._produce(receipt, attempt)
        self._producer.flush(30)
        refused = [receipt.letter for receipt in receipts if not receipt.confirmed]
        if refused:
            self._producer = None  # it may be one that brokers take nothing from any more
        return refused

    def _produce(self, receipt: "_Receipt", attempt: int) -> None:
        letter, value = receipt.letter, receipt.letter.value
        headers = letter.dlq_headers(self._group, self._version, attempt)
        if receipt.letter.value is not None and len(receipt.letter.value) > CUT_BYTES:
            headers.append(("dlq.value_bytes", str(len(receipt.letter.value))))
            value = receipt.letter.value[:CUT_BYTES]
        assert self._producer is not None
        try:
            self._producer.produce(
                DEAD_LETTERS, value, letter.topic.encode(), headers=headers, on_delivery=receipt.answered
            )
        except (BufferError, KafkaException) as error:
            _log.warning("log_unavailable", error=str(error))


@dataclass(slots=True)
class _Receipt:
    letter: Letter
    confirmed: bool = False

    def answered(self, error: KafkaError | None, _: object) -> None:
        self.confirmed = error is None


class TooManyDeadLetters(Exception):
    """So much is unreadable that the fault is not in single messages: a person must look."""


@dataclass(slots=True)
class _Count:
    last: int = -1
    in_a_row: int = 0
    recent: deque[int] = field(default_factory=deque)


class DeadLetterLimit:
    """Counts unreadable messages by partition and says when there are too many.

    A message counts once, however often it is read. ``in_a_row`` and ``share`` of the last ``window``
    offsets are what is tolerated; a share of 1 or more tolerates everything.
    """

    def __init__(self, in_a_row: int = 100, share: float = 0.01, window: int = 10_000) -> None:
        self._in_a_row = in_a_row
        self._most = int(share * window)
        self._unlimited = share >= 1
        self._window = window
        self._counts: dict[tuple[str, int], _Count] = {}

    def begin(self, key: tuple[str, int], position: int) -> None:
        """What lies before this position was counted and parked by an earlier life of the worker."""
        count = self._counts.setdefault(key, _Count())
        count.last = max(count.last, position - 1)

    def is_new(self, key: tuple[str, int], offset: int) -> bool:
        """Count an unreadable message; False when it was counted before. Raises TooManyDeadLetters."""
        count = self._counts.setdefault(key, _Count())
        if offset <= count.last:
            return False
        adjacent = bool(count.recent) and offset == count.recent[-1] + 1
        count.in_a_row = count.in_a_row + 1 if adjacent else 1
        count.last = offset
        count.recent.append(offset)
        while count.recent[0] <= offset - self._window:
            count.recent.popleft()
        self._judge(key, offset, count)
        return True

    def _judge(self, key: tuple[str, int], offset: int, count: _Count) -> None:
        if self._unlimited:
            return
        place = f"{key[0]}/{key[1]} at offset {offset}"
        if count.in_a_row > self._in_a_row:
            raise TooManyDeadLetters(f"{count.in_a_row} unreadable messages in a row on {place}")
        if len(count.recent) > self._most:
            raise TooManyDeadLetters(
                f"{len(count.recent)} of the last {self._window} messages are unreadable on {place}"
            )
