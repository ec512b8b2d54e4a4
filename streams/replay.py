"""The naive replay: the log from its start into another generation, with the same folds and no effectors.

It ends at the cut: the log's ends when it began. State goes where the generation's keys and tables are;
live state is not touched.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from confluent_kafka import Consumer, TopicPartition

from infra import registry
from infra.kafka_config import consumer
from infra.settings import Settings
from projections.position import FoldStore, StoreUnavailable
from streams.assembling import Run
from streams.assignment import view
from streams.decoding import Decoder
from streams.folds import every_fold
from streams.progress import Handout, Key, LogView, Progress

T = TypeVar("T")
FETCH, BATCH_ROWS, ANSWER_S = 500, 20_000, 10.0
SILENCE_S = 60.0


@dataclass(slots=True)
class ReplayReport:
    """What was read and how fast. ``cut``: the offset after the last, by partition."""

    generation: int
    events: int = 0
    unreadable: int = 0
    seconds: float = 0.0
    folds: tuple[str, ...] = ()
    cut: dict[Key, int] = field(default_factory=dict)


def replay(
    settings: Settings,
    generation: int,
    only: Sequence[str] = (),
    folds: Mapping[str, Sequence[FoldStore]] | None = None,
) -> ReplayReport:
    """Fold the log into this generation, or only the folds named. Goes on where an earlier run ended.

    Raises StoreUnavailable when a store stays away for a minute, LogMismatch, RegistryUnavailable.
    """
    sinks = every_fold(settings, generation) if folds is None else folds
    chosen = [fold for members in sinks.values() for fold in members if not only or fold.name in only]
    decoder = Decoder(registry.load_book(settings), lambda one: registry.lookup(settings, one), _wait)
    report = ReplayReport(generation, folds=tuple(fold.name for fold in chosen))
    reader = Consumer(consumer(settings, f"reelfold.replay.g{generation}"))
    begun = time.monotonic()
    try:
        before = -1
        while before != report.events:  # a store that lost its data meanwhile needs another round
            before = report.events
            _replay_all(reader, chosen, decoder, report)
        for fold in chosen:
            finish = getattr(fold, "close", None)
            if finish is not None:
                finish()
    finally:
        reader.close()
    report.seconds = time.monotonic() - begun
    return report


def _replay_all(
    reader: Consumer, chosen: Sequence[FoldStore], decoder: Decoder, report: ReplayReport
) -> None:
    for topic in sorted({topic for fold in chosen for topic in fold.topics}):
        for partition in sorted(reader.list_topics(topic, timeout=ANSWER_S).topics[topic].partitions):
            readers = [Progress(fold) for fold in chosen if topic in fold.topics]
            _replay_partition(reader, (topic, partition), readers, decoder, report)
            for one in readers:
                one.drop((topic, partition))


def _replay_partition(
    reader: Consumer, key: Key, readers: Sequence[Progress], decoder: Decoder, report: ReplayReport
) -> None:
    log = view(reader, key)
    cut = report.cut.setdefault(key, log.high)
    at = _placed(reader, key, readers, log)
    while at < cut:
        batch, invalid = decoder.assemble(_read(reader, key, at, cut))
        handout = Handout(batch, 0)
        steps = [_patiently(partial(one.step, handout)) for one in readers]
        # What was only shown again (a window of history) is no progress.
        report.events += max((len(one.folded) for one in steps if one.folded is not None), default=0)
        report.unreadable += len(invalid)
        # A store that stands elsewhere (it lost data, or somebody else folds too) is read for again.
        at = _placed(reader, key, readers, log) if any(one.seek for one in steps) else batch.next


def _placed(reader: Consumer, key: Key, readers: Sequence[Progress], log: LogView) -> int:
    """Read on from where the folds stand."""
    at = min(_patiently(partial(one.start, key, log, 0)) for one in readers)
    reader.assign([TopicPartition(*key, at)])
    return at


def _read(reader: Consumer, key: Key, start: int, cut: int) -> Run:
    """Messages [start, cut), or the first BATCH_ROWS of them."""
    run, heard = Run(*key, start), time.monotonic()
    while len(run) < BATCH_ROWS and run.next < cut:
        messages = reader.consume(min(FETCH, cut - run.next), timeout=0.5)
        if messages:
            heard = time.monotonic()
        elif time.monotonic() - heard > SILENCE_S:
            raise StoreUnavailable(f"the log says nothing at {key} from {run.next} on")
        for message in messages:
            error, offset = message.error(), message.offset()
            if error is not None:
                raise StoreUnavailable(f"the log cannot be read at {key}: {error}")
            if offset is not None and run.next <= offset < cut:
                run.add(offset, message.timestamp()[1], message.value())
    return run


def _patiently(call: Callable[[], T]) -> T:
    """Try for a minute while the store is away."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return call()
        except StoreUnavailable:
            if time.monotonic() > deadline:
                raise
            _wait(0.5)


def _wait(seconds: float) -> bool:
    time.sleep(seconds)
    return True
