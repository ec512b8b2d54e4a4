"""The lane: a librdkafka consumer on a thread of its own, inside the Faust worker, one for each sink.

It fetches hundreds of messages at a time, makes record batches of them and hands these to the channels
that the folds' agents iterate. When the folds are busy it fetches no more, keeps its place in the
group, and lets the lag grow.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from mode import Service

from infra.telemetry import Log
from streams.exits import BUG, FENCED, LOG_MISMATCH, TOO_MANY_DEAD_LETTERS, Leave, Stopped, leave
from streams.folding.channel import BatchChannel
from streams.folding.handouts import Handouts, at_once
from streams.folding.progress import Key, LogMismatch
from streams.folding.runner import FoldRunner
from streams.lane.assignment import Assignment
from streams.lane.intake import Intake
from streams.letters.parking import TooManyDeadLetters

_log = Log("streams")

FETCH = 500
"""Messages a fetch: larger lists of message objects cost more in caches than they save in calls."""
TOGETHER_S = 0.001
"""What one answer of a broker brings comes within this, partition after partition."""
PATIENCE_S = 2.0
"""Full channels are waited for this long without a poll; then the partitions are paused."""
BEAT_S = 1.0
QUIET_S = 3.0
"""A lane that has fetched nothing for so long asks whether there is nothing: fetches may have got stuck."""
STOP_S, FINISH_S = 3.0, 2.0
"""How long a stop waits for the lane's thread, and then for its folds: a worker ends within ten seconds."""


@dataclass(slots=True)
class Outlet:
    """One fold of the lane, its channel, and what is ready for it."""

    runner: FoldRunner
    channel: BatchChannel
    ready: deque[list[Handouts]] = field(default_factory=deque)


class Lane(Service):
    """``config`` is the consumer's; ``stopping`` is shared with all that waits on the lane's thread.

    Channels are fed in the loop that the service is started in.
    """

    def __init__(
        self,
        name: str,
        config: dict[str, Any],
        intake: Intake,
        stopping: threading.Event,
        leave: Leave = leave,
        make_consumer: Callable[[dict[str, Any]], Consumer] = Consumer,
        **service: Any,
    ) -> None:
        super().__init__(**service)
        self.name = name
        self.outlets: list[Outlet] = []
        self.log_down = False
        """No broker answers."""
        self.assignment: Assignment | None = None
        self._config = config
        self._intake = intake
        self._stopping = stopping
        self._leave = leave
        self._make_consumer = make_consumer
        self._thread: threading.Thread | None = None
        self._fatal: KafkaError | None = None

    def add(self, runner: FoldRunner, channel: BatchChannel) -> None:
        """A fold to feed; before the lane starts."""
        self.outlets.append(Outlet(runner, channel))

    def seek(self, key: Key) -> None:
        """From any thread: read a partition anew from where its folds stand."""
        if self.assignment is not None:
            self.assignment.ask(key)

    @property
    def waiting(self) -> bool:
        """What stands still does so for a known reason: a sink, the registry or the log is away, or it is
        held."""
        sink_down = any(outlet.runner.down or outlet.runner.held for outlet in self.outlets)
        return self.log_down or sink_down or self._intake.decoder.waiting

    async def on_start(self) -> None:
        """Begin to read."""
        loop = asyncio.get_running_loop()
        name = f"lane-{self.name}"
        self._thread = threading.Thread(target=self._run, args=(loop,), name=name, daemon=True)
        self._thread.start()

    async def on_stop(self) -> None:
        """Stop reading; what is being folded may finish."""
        self._stopping.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, STOP_S)
        for outlet in self.outlets:
            outlet.runner.close()
        for outlet in self.outlets:
            await asyncio.to_thread(outlet.runner.finish, FINISH_S)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        consumer = self._make_consumer({**self._config, "error_cb": self._on_error})
        runners = [outlet.runner for outlet in self.outlets]
        self.assignment = Assignment(consumer, runners, self._intake.forget, self._intake.limit.begin)
        try:
            self.assignment.subscribe(sorted({topic for runner in runners for topic in runner.fold.topics}))
            self._work(consumer, self.assignment, loop)
        except Stopped:
            _log.debug("worker_stopping", lane=self.name)
        except TooManyDeadLetters as error:
            self._leave(TOO_MANY_DEAD_LETTERS, f"{error}: look at them before going on")
        except LogMismatch as error:
            self._leave(LOG_MISMATCH, str(error))
        except KafkaException as error:
            self._leave(FENCED, f"lane {self.name} ({self._config.get('group.instance.id')}): {error}")
        except BaseException as error:
            self._leave(BUG, f"lane {self.name} failed: {error!r}", error)
        finally:
            consumer.close()

    def _work(self, consumer: Consumer, assignment: Assignment, loop: asyncio.AbstractEventLoop) -> None:
        beat, heard = 0.0, time.monotonic()
        while not self._stopping.is_set():
            messages = self._fetched(consumer)
            if self._fatal is not None:
                raise KafkaException(self._fatal)
            if messages:
                heard = time.monotonic()
            for message in messages:
                if message.error() is None:
                    self._intake.take(message, assignment.held)
                else:
                    self._refused(message, assignment)
            assignment.settle()
            if self._intake.due(len(messages) < FETCH, self._busy()) and not self._waits():
                self._spread(assignment, loop)
            if self._delivered(loop):
                assignment.resume()
            else:
                assignment.pause()
            if time.monotonic() - beat >= BEAT_S:
                beat = time.monotonic()
                self._beat(assignment, quiet=time.monotonic() - heard >= QUIET_S)

    def _fetched(self, consumer: Consumer) -> list[Message]:
        """What has come, at once: `consume` waits its whole time for as many as it was asked for."""
        messages = consumer.consume(FETCH, timeout=0)
        if not messages:
            messages = consumer.consume(1, timeout=self._intake.poll_s)
        if 0 < len(messages) < FETCH:
            self._stopping.wait(TOGETHER_S)
            messages += consumer.consume(FETCH - len(messages), timeout=0)
        return messages

    def _busy(self) -> bool:
        return any(outlet.ready or outlet.channel.busy for outlet in self.outlets)

    def _waits(self) -> bool:
        """Something is ready that no channel has room for."""
        return any(outlet.ready for outlet in self.outlets)

    def _spread(self, assignment: Assignment, loop: asyncio.AbstractEventLoop) -> None:
        """Make batches of what is buffered, each offered before the next one is made: or few topics' at once,
        where that spares a sink parts."""
        for flush in at_once(self._intake.flush(assignment.held), self._intake.rows_at_once):
            for outlet in self.outlets:
                if read := [one for one in flush if one.batch.topic in outlet.runner.fold.topics]:
                    outlet.ready.append(read)
            self._offered(loop)

    def _delivered(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Hand out what is ready; False when channels stayed full, and so much waits that no more is to be
        fetched."""
        until = time.monotonic() + PATIENCE_S
        while True:
            self._offered(loop)
            if not self._waits() or not self._intake.full:
                return True
            if time.monotonic() >= until or self._stopping.wait(0.002):
                return False

    def _offered(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand out what there is room for."""
        for outlet in self.outlets:
            while outlet.ready and outlet.channel.offer(outlet.ready[0], loop):
                outlet.ready.popleft()

    def _beat(self, assignment: Assignment, quiet: bool) -> None:
        if self.log_down:
            self.log_down = not assignment.reachable()
            return
        assignment.refresh_ends()
        if quiet:
            assignment.ask_ends()
        assignment.commit()

    def _refused(self, message: Message, assignment: Assignment) -> None:
        error, topic, partition = message.error(), message.topic(), message.partition()
        if error is None:
            return
        self._on_error(error)
        out_of_range = error.code() == KafkaError._AUTO_OFFSET_RESET  # noqa: SLF001 - librdkafka's name
        if out_of_range and topic is not None and partition is not None:
            assignment.ask((topic, partition))

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal() or error.code() == KafkaError._FATAL:  # noqa: SLF001 - librdkafka's name
            self._fatal = error
        if error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - librdkafka's name
            self.log_down = True
        _log.warning("lane_error", lane=self.name, error=str(error))
