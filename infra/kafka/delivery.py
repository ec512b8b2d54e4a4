"""A producer and the answers it brings: who polls it, and what a batch hears.

librdkafka keeps its answers until somebody polls. A thread that did nothing else would fight the event loop
for the interpreter at each of them, up to the switch interval (5 ms) an answer under load: so an event loop
polls between its other work, every millisecond while something is under way. A thread without a loop polls
for itself.
"""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from infra.telemetry import Log

_LOG = Log("infra")
BUSY_S = 0.001
IDLE_S = 0.1
_THREADS_S = 0.02


class LogUnavailable(Exception):
    """The broker did not confirm in time; what was sent may or may not be in the log."""


class Batch:
    """Counts confirmations; ``tell`` hears None after the last, or the first failure; once."""

    def __init__(self, size: int, tell: Callable[[LogUnavailable | None], None]) -> None:
        self.told = False
        self._size = size
        self._tell = tell
        self._confirmed = itertools.count(1)  # one step of it is whole, whichever thread polls
        if size == 0:
            self._finish(None)

    def confirmed(self, error: KafkaError | None, _: object) -> None:
        """Called once for each message, by whoever polls. Raises nothing: that would end the polling."""
        if error is not None:
            self._finish(LogUnavailable(str(error)))
        elif next(self._confirmed) == self._size:
            self._finish(None)

    def _finish(self, error: LogUnavailable | None) -> None:
        if not self.told:
            self.told = True
            self._tell(error)


def settling(future: "asyncio.Future[None]") -> Callable[[LogUnavailable | None], None]:
    """Tells a future of the running loop, from any thread; a caller who gave up, or a loop that ended, hears
    nothing."""
    loop, own = future.get_loop(), threading.get_ident()

    def settle(error: LogUnavailable | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)

    def tell(error: LogUnavailable | None) -> None:
        if threading.get_ident() == own:
            settle(error)
            return
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, error)

    return tell


class Polled:
    """A producer that is polled by the event loop that publishes, or by threads that wait."""

    def __init__(self, config: Mapping[str, Any], make: Callable[..., Producer] = Producer) -> None:
        self.dead = False
        self.producer = make({**config, "error_cb": self.failed})
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn: asyncio.TimerHandle | None = None
        self._busy = False

    def watch(self) -> None:
        """Poll from the running loop, from now on."""
        loop = asyncio.get_running_loop()
        if self._busy and self._loop is loop:
            return
        if self._turn is not None:
            self._turn.cancel()
        self._loop, self._busy = loop, True
        self._turn = loop.call_later(BUSY_S, self._poll)

    def _poll(self) -> None:
        if self._closed or self._loop is None:
            return
        try:
            self.producer.poll(0)
        finally:
            self._busy = len(self.producer) > 0
            self._turn = self._loop.call_later(BUSY_S if self._busy else IDLE_S, self._poll)

    def wait(self, batch: Batch, timeout_s: float) -> None:
        """Poll from this thread until the batch was told, or the time is over."""
        until = time.monotonic() + timeout_s
        while not batch.told and (left := until - time.monotonic()) > 0:
            self.producer.poll(min(left, _THREADS_S))

    def failed(self, error: KafkaError) -> None:
        """What librdkafka says of the connection, or of itself."""
        if error.fatal() or error.code() == KafkaError._FATAL:  # noqa: SLF001 - told so, `fatal` is False
            self.dead = True
        _LOG.warning("log_unavailable", error=str(error))

    def refused(self, refusal: KafkaException) -> None:
        """What a produce raised: of a dead producer, before anybody has polled, the only sign."""
        error = refusal.args[0]
        self.dead = self.dead or error.fatal() or error.code() == KafkaError._FATAL  # noqa: SLF001

    def abandon(self) -> None:
        """Let go of a dead producer: fail what it holds, without waiting for the broker."""
        self.producer.purge()
        self.close(1.0)

    def close(self, timeout_s: float) -> int:
        """Flush; how many messages were left unconfirmed. From any thread."""
        left = int(self.producer.flush(timeout_s))
        if left:
            _LOG.error("publish_unflushed", messages=left)
            self.producer.purge()  # their callers hear of it now, not never
            self.producer.flush(1.0)
        self._closed = True
        return left
