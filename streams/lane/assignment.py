"""The partitions a lane holds: from where they are read, whether they are read, what is committed.

A partition that was just assigned, or that a fold wants to read anew, is *pending*: paused until the
folds' stores have said where they stand. Kafka's committed offsets are for lag monitors only.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from infra.failpoints import reach
from infra.telemetry import Log
from projections.position import StoreUnavailable
from streams.folding.consumer_log import ConsumerLog, view
from streams.folding.progress import Key, LogGone, LogMismatch
from streams.folding.runner import FoldRunner

_log = Log("streams")
FIRST_RETRY_S, LONGEST_RETRY_S = 0.1, 2.0
ENDS = 4
"""Partitions whose end a quiet lane asks for at a time: each answer waits for the long poll before it."""
GONE_RETRY_S = 1.0
"""How often a partition that waits for a replay is looked at again."""


@dataclass(slots=True)
class Held:
    """A partition being read: ``next`` is the next offset to read, ``high`` the last known end."""

    epoch: int
    next: int
    high: int


class Assignment:
    """Used by the lane's thread, except `ask`. ``forget`` is told of partitions whose buffered messages
    are void, ``placed`` of the position that every fold of a partition has reached."""

    def __init__(
        self,
        consumer: Consumer,
        runners: Sequence[FoldRunner],
        forget: Callable[[Key], None],
        placed: Callable[[Key, int], None],
    ) -> None:
        self.held: dict[Key, Held] = {}
        self.pending: set[Key] = set()
        self.bounds: dict[Key, tuple[int, int]] = {}
        """First and next offset of the log when a place was last looked for in it."""
        self.gone: dict[Key, str] = {}
        """Partitions that wait for a replay, and why: the log has let go of what their folds must read."""
        self._consumer = consumer
        self._runners = runners
        self._forget = forget
        self._placed = placed
        self._failed: set[Key] = set()
        """Those that could not be placed come last: one without a leader must not hold up the others."""
        self._retry_at = 0.0
        self._gone_at = 0.0
        self._retry_s = FIRST_RETRY_S
        self._epochs = itertools.count(1)
        self._asked: SimpleQueue[Key] = SimpleQueue()
        self._paused = False
        self._asked_end = 0

    def ask(self, key: Key) -> None:
        """From any thread: read the partition anew, from where its folds stand."""
        self._asked.put(key)

    def subscribe(self, topics: Sequence[str]) -> None:
        """Join the group."""
        self._consumer.subscribe(
            list(topics), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )

    def readers(self, key: Key) -> list[FoldRunner]:
        """The folds that read this partition's topic."""
        return [runner for runner in self._runners if key[0] in runner.fold.topics]

    def settle(self) -> None:
        """Give pending partitions their place. Raises LogMismatch; what is away is tried again later."""
        while not self._asked.empty():
            key = self._asked.get()
            if key in self.held or key in self.pending:
                self._suspend(key)
        if not self.pending or time.monotonic() < self._retry_at:
            return
        placed: list[TopicPartition] = []
        try:
            for key in self._placeable():
                self._failed.add(key)
                if self._placed_or_gone(key):
                    placed.append(TopicPartition(*key))
                self._failed.discard(key)
            self._retry_s = FIRST_RETRY_S
        except (StoreUnavailable, KafkaException) as error:
            _log.debug("lane_error", topic=key[0], partition=key[1], error=str(error))
            self._retry_at = time.monotonic() + self._retry_s
            self._retry_s = min(2 * self._retry_s, LONGEST_RETRY_S)
        if placed and not self._paused:
            # All at the end: a broker answers a connection in order, so each look-up would wait for the
            # long poll of the partitions that are already fetched (100 ms apiece).
            self._consumer.resume(placed)

    def pause(self) -> None:
        """Fetch nothing; polling goes on."""
        if not self._paused:
            self._paused = True
            self._consumer.pause([TopicPartition(*key) for key in self.held])

    def resume(self) -> None:
        """Fetch again."""
        if self._paused:
            self._paused = False
            self._consumer.resume([TopicPartition(*key) for key in self.held])

    def position(self, key: Key) -> int | None:
        """Where the slowest fold of a partition stands; None while it is not known of every one."""
        known = [runner.position(key) for runner in self.readers(key)]
        told = [one for one in known if one is not None]
        return min(told, default=None) if len(told) == len(known) else None

    def commit(self) -> None:
        """Tell Kafka where the slowest fold of each partition stands, without waiting for its answer."""
        known = [(key, self.position(key)) for key in list(self.held)]
        offsets = [TopicPartition(*key, position) for key, position in known if position is not None]
        if offsets:
            reach("before_ack")
            self._consumer.commit(offsets=offsets, asynchronous=True)
            reach("after_ack")

    def reachable(self) -> bool:
        """Whether the brokers answer again."""
        try:
            self._consumer.list_topics(timeout=1.0)
        except KafkaException:
            return False
        return True

    def refresh_ends(self) -> None:
        """Take over the ends that fetches have told of."""
        for key, held in self.held.items():
            bounds = self._consumer.get_watermark_offsets(TopicPartition(*key), cached=True)
            if bounds is not None:
                held.high = max(held.high, held.next, bounds[1])

    def ask_ends(self) -> None:
        """Ask the brokers for some ends, in turn: where fetches bring nothing, nothing tells of a lag."""
        keys = sorted(self.held)
        turn = self._asked_end % max(1, len(keys))
        self._asked_end = turn + ENDS
        for key in [*keys[turn:], *keys[:turn]][:ENDS]:
            try:
                self.held[key].high = max(self.held[key].high, view(self._consumer, key, 1.0).high)
            except KafkaException as error:
                _log.debug("lane_error", topic=key[0], partition=key[1], error=str(error))
                return

    def _placeable(self) -> list[Key]:
        """Pending partitions, in the order in which they are tried; those that wait for a replay rarely."""
        later = self.gone.keys() if time.monotonic() < self._gone_at else ()
        return sorted(self.pending - {*later}, key=lambda one: (one in self._failed, one))

    def _placed_or_gone(self, key: Key) -> bool:
        """Give a partition its place, or let it wait for a replay: the others go on meanwhile."""
        try:
            self._place(key)
        except LogGone as gone:
            if key not in self.gone:
                _log.error("lane_waits_for_replay", topic=key[0], partition=key[1], detail=str(gone))
            self.gone[key] = str(gone)
            self._gone_at = time.monotonic() + GONE_RETRY_S
            return False
        self.gone.pop(key, None)
        return True

    def _place(self, key: Key) -> None:
        log, epoch = view(self._consumer, key), next(self._epochs)
        self.bounds[key] = log.low, log.high
        try:
            start = self._start(key, log, epoch)
        except LogMismatch:
            # A worker that was thought dead may have folded on while we looked: the log is looked at
            # again, now that the position is known. A mismatch that is one stays one.
            log = view(self._consumer, key)
            start = self._start(key, log, epoch)
        self._consumer.seek(TopicPartition(*key, start))
        self.pending.discard(key)
        self.held[key] = Held(epoch, start, log.high)
        self._placed(key, self.position(key) or start)
        again = max(runner.position(key) or start for runner in self.readers(key)) - start
        where = {"topic": key[0], "partition": key[1], "offset": start, "end": log.high}
        _log.info("lane_seek", **where, again=again)  # of that some folds have had `again` records already

    def _start(self, key: Key, log: ConsumerLog, epoch: int) -> int:
        return min(runner.start(key, log, epoch) for runner in self.readers(key))

    def _suspend(self, key: Key) -> None:
        self.held.pop(key, None)
        self._forget(key)
        if key not in self.pending:
            self.pending.add(key)
            self._consumer.pause([TopicPartition(*key)])

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        wanted = [TopicPartition(one.topic, one.partition, OFFSET_BEGINNING) for one in partitions]
        if wanted:
            consumer.incremental_assign(wanted)
            consumer.pause(wanted)
            self.pending.update((one.topic, one.partition) for one in wanted)
        _log.info("lane_assigned", partitions=_named(partitions))

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for one in partitions:
            key = (one.topic, one.partition)
            self.held.pop(key, None)
            self.pending.discard(key)
            self.bounds.pop(key, None)
            self.gone.pop(key, None)
            self._failed.discard(key)
            self._forget(key)
            for runner in self.readers(key):
                runner.drop(key)
        if partitions:
            consumer.incremental_unassign(partitions)
        _log.info("lane_revoked", partitions=_named(partitions))


def _named(partitions: Sequence[TopicPartition]) -> list[str]:
    return sorted(f"{one.topic}/{one.partition}" for one in partitions)
