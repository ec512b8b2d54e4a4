"""The one way an event enters the log: its yes means that the broker has it (acks=all).

`EventLog` is what callers see; `Publisher` is it on Kafka, `infra.kafka.publisher_memory` its twin.
Nothing here deduplicates: the folds do. A failure may therefore leave part of a batch written, and
the caller sends the whole batch again with the same ids.
"""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from confluent_kafka import KafkaException

from infra.kafka.delivery import Batch, Polled, settling
from infra.kafka.delivery import LogUnavailable as LogUnavailable
from infra.kafka.messages import Event, Events, Message, Messages
from infra.telemetry import Log
from schemas.book import SchemaBook

_LOG = Log("infra")
_SLICE = 100
_FULL = "the producer's queue is full"


class EventLog(Protocol):
    """Where events go. All raise InvalidEvent before anything is sent, and those that send LogUnavailable."""

    def messages(self, events: Events) -> list[Message]:
        """Events as they will stand in the log. Of some hundreds, each 100 in a turn of the loop."""
        ...

    async def send(self, messages: Sequence[Message]) -> None:
        """Return once the log has every message."""
        ...

    async def publish_all(self, events: Sequence[Event]) -> None:
        """Return once the log has every event."""
        ...

    def publish_and_wait(self, events: Sequence[Event], timeout_s: float) -> None:
        """The same for a thread without an event loop."""
        ...

    def fullness(self) -> float:
        """How full the queue before the log is, 0 to 1."""
        ...


class Publisher:
    """An EventLog on Kafka. Opened by the first publish; `close` flushes.

    ``config`` is infra.kafka.config.producer's. A producer that librdkafka declares dead (a fatal
    error) is replaced by a new one: what it held fails, and is sent again by whoever sent it.
    """

    def __init__(self, config: Mapping[str, Any], book: SchemaBook, deadline_s: float = 10.0) -> None:
        self._config = dict(config)
        self._messages = Messages(book)
        self._deadline_s = deadline_s
        self._lock = threading.Lock()
        self._open: Polled | None = None
        self._capacity = int(self._config.get("queue.buffering.max.messages", 100_000))

    async def publish_all(self, events: Sequence[Event]) -> None:
        messages: list[Message] = []
        for start in range(0, len(events), _SLICE):
            if start:  # other requests have their turn: encoding 500 events takes 10 ms
                await asyncio.sleep(0)
            messages += self.messages(events[start : start + _SLICE])
        await self.send(messages)

    def messages(self, events: Events) -> list[Message]:
        return self._messages(events)

    async def send(self, messages: Sequence[Message]) -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._send(messages, Batch(len(messages), settling(future))).watch()
        end = loop.call_later(self._deadline_s, _expire, future, self._deadline_s)
        try:
            await future
        finally:
            end.cancel()

    def publish_and_wait(self, events: Sequence[Event], timeout_s: float) -> None:
        told: list[LogUnavailable | None] = []
        messages = self.messages(events)
        batch = Batch(len(messages), told.append)
        self._send(messages, batch).wait(batch, timeout_s)
        if not told:
            raise LogUnavailable(f"no confirmation within {timeout_s} s")
        if told[0] is not None:
            raise told[0]

    def fullness(self) -> float:
        """How full the producer's queue is, 0 to 1: for readiness."""
        # The producer counts what it has to tell (an error, say) with what it has to send.
        return min(1.0, len(self._open.producer) / self._capacity) if self._open else 0.0

    def close(self, timeout_s: float = 20.0) -> int:
        """Flush, and return how many messages were left unconfirmed."""
        with self._lock:
            polled, self._open = self._open, None
        return polled.close(timeout_s) if polled else 0

    def _send(self, messages: Sequence[Message], batch: Batch) -> Polled:
        polled = self._polled()
        producer, confirmed = polled.producer, batch.confirmed
        if len(producer) + len(messages) > self._capacity:
            # Whole or not at all: of a batch that is sent again and again, halves would keep the queue full.
            raise LogUnavailable(_FULL)
        try:
            for topic, key, value, headers in messages:
                producer.produce(topic, value, key, headers=headers, on_delivery=confirmed)
        except BufferError:
            raise LogUnavailable(_FULL) from None
        except KafkaException as error:
            polled.refused(error)
            raise LogUnavailable(str(error)) from error
        return polled

    def _polled(self) -> Polled:
        with self._lock:
            if self._open is not None and self._open.dead:
                _LOG.error("producer_renewed", reason="a fatal error")
                self._open.abandon()
                self._open = None
            if self._open is None:
                self._open = Polled(self._config)
            return self._open


def _expire(future: "asyncio.Future[None]", seconds: float) -> None:
    if not future.done():
        future.set_exception(LogUnavailable(f"no confirmation within {seconds} s"))
