"""The one way an event enters the log: its yes means that the broker has it (acks=all).

`EventLog` is what callers see; `Publisher` is it on Kafka, `infra.publisher_memory` its twin.
Nothing here deduplicates: the folds do. A failure may therefore leave part of a batch written, and
the caller sends the whole batch again with the same ids.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Producer

from infra.telemetry import Log
from schemas.book import SchemaBook
from schemas.codec import encode
from schemas.topics import TOPIC_OF

Event = Mapping[str, Any]
Headers = list[tuple[str, str | bytes | None]]
Message = tuple[str, bytes, bytes, Headers]
_LOG = Log("infra")
_POLL_S = 0.1
_SLICE = 100
_FULL = "the producer's queue is full"


class LogUnavailable(Exception):
    """The broker did not confirm in time; what was sent may or may not be in the log."""


class EventLog(Protocol):
    """Where events go. Both calls raise InvalidEvent before anything is sent, and LogUnavailable."""

    async def publish_all(self, events: Sequence[Event]) -> None:
        """Return once the log has every event."""
        ...

    def publish_and_wait(self, events: Sequence[Event], timeout_s: float) -> None:
        """The same for a thread without an event loop."""
        ...

    def fullness(self) -> float:
        """How full the queue before the log is, 0 to 1."""
        ...


def message(event: Event, book: SchemaBook) -> Message:
    """(topic, key, value, headers) of an event; raises InvalidEvent, UnknownEventType."""
    event_type = event["event_type"]
    value = encode(event, book)
    topic = TOPIC_OF[event_type]
    headers: Headers = [
        ("ce_id", event["event_id"].encode()),
        ("ce_type", b"rf." + event_type.encode()),
        ("ce_source", event["source"].encode()),
    ]
    return topic.name, event[topic.key].encode(), value, headers


class Publisher:
    """An EventLog on Kafka. Opened by the first publish; `close` flushes.

    ``config`` is infra.kafka_config.producer's. A producer that librdkafka declares dead (a fatal
    error) is replaced by a new one: what it held fails, and is sent again by whoever sent it.
    """

    def __init__(self, config: Mapping[str, Any], book: SchemaBook, deadline_s: float = 10.0) -> None:
        self._config = dict(config)
        self._book = book
        self._deadline_s = deadline_s
        self._lock = threading.Lock()
        self._open: _Polled | None = None
        self._capacity = int(self._config.get("queue.buffering.max.messages", 100_000))

    async def publish_all(self, events: Sequence[Event]) -> None:
        messages: list[Message] = []
        for start in range(0, len(events), _SLICE):
            if start:  # other requests have their turn: encoding 500 events takes 10 ms
                await asyncio.sleep(0)
            messages += [message(event, self._book) for event in events[start : start + _SLICE]]
        future = asyncio.wrap_future(self._send(messages))
        try:
            async with asyncio.timeout(self._deadline_s):
                await future
        except TimeoutError:
            raise LogUnavailable(f"no confirmation within {self._deadline_s} s") from None

    def publish_and_wait(self, events: Sequence[Event], timeout_s: float) -> None:
        try:
            self._send([message(event, self._book) for event in events]).result(timeout_s)
        except TimeoutError:
            raise LogUnavailable(f"no confirmation within {timeout_s} s") from None

    def fullness(self) -> float:
        """How full the producer's queue is, 0 to 1: for readiness."""
        # The producer counts what it has to tell (an error, say) with what it has to send.
        return min(1.0, len(self._open.producer) / self._capacity) if self._open else 0.0

    def close(self, timeout_s: float = 20.0) -> int:
        """Flush, and return how many messages were left unconfirmed."""
        with self._lock:
            polled, self._open = self._open, None
        return polled.close(timeout_s) if polled else 0

    def _send(self, messages: Sequence[Message]) -> "Future[None]":
        batch = _Batch(len(messages))
        producer = self._producer()
        if len(producer) + len(messages) > self._capacity:
            # Whole or not at all: of a batch that is sent again and again, halves would keep the queue full.
            raise LogUnavailable(_FULL)
        try:
            for topic, key, value, headers in messages:
                producer.produce(topic, value, key, headers=headers, on_delivery=batch.confirmed)
        except BufferError:
            raise LogUnavailable(_FULL) from None
        except KafkaException as error:
            raise LogUnavailable(str(error)) from error
        return batch.future

    def _producer(self) -> Producer:
        with self._lock:
            if self._open is not None and self._open.dead:
                _LOG.error("producer_renewed", reason="a fatal error")
                self._open.abandon()
                self._open = None
            if self._open is None:
                self._open = _Polled(self._config)
            return self._open.producer


class _Batch:
    """Counts confirmations; the future is done at the last one, or at the first failure."""

    def __init__(self, size: int) -> None:
        self.future: Future[None] = Future()
        # Running, so that a caller who gave up cannot cancel it between our question and our answer:
        # an error in a callback would end the polling thread, and with it every publish to come.
        self.future.set_running_or_notify_cancel()
        self._left = size
        if size == 0:
            self.future.set_result(None)

    def confirmed(self, error: KafkaError | None, _: object) -> None:
        """Called by the one polling thread, once for each message."""
        self._left -= 1
        if self.future.done():
            return
        if error is not None:
            self.future.set_exception(LogUnavailable(str(error)))
        elif self._left == 0:
            self.future.set_result(None)


class _Polled:
    """A producer and the thread that runs its callbacks."""

    def __init__(self, config: Mapping[str, Any], make: Callable[..., Producer] = Producer) -> None:
        self.dead = False
        self.producer = make({**config, "error_cb": self._failed})
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="publisher-poll", daemon=True)
        self._thread.start()

    def _poll(self) -> None:
        while not self._stop.is_set():
            self.producer.poll(_POLL_S)

    def _failed(self, error: KafkaError) -> None:
        if error.fatal() or error.code() == KafkaError._FATAL:  # noqa: SLF001 - told so, `fatal` is False
            self.dead = True
        _LOG.warning("log_unavailable", error=str(error))

    def abandon(self) -> None:
        """Let go of a dead producer: fail what it holds, without waiting for the broker."""
        self.producer.purge()
        self.close(1.0)

    def close(self, timeout_s: float) -> int:
        left = int(self.producer.flush(timeout_s))
        if left:
            _LOG.error("publish_unflushed", messages=left)
            self.producer.purge()  # their callers hear of it now, not never
            self.producer.flush(1.0)
        self._stop.set()
        self._thread.join(_POLL_S * 5)
        return left
