"""The log's memory twin: lists of encoded messages, cut into batches as the lane would."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from projections.position import FoldStore
from schemas.batch import RecordBatch
from schemas.book import SchemaBook
from schemas.codec import encode
from schemas.topics import TOPIC_OF
from streams.batches.assembling import assemble
from streams.batches.runs import Invalid, Run
from streams.folding.handouts import Handout
from streams.folding.progress import Key, Progress


@dataclass(slots=True)
class MemoryPartition:
    """One partition's messages: (appended_at, value), the offset is the index. A LogView."""

    messages: list[tuple[int, bytes | None]] = field(default_factory=list)
    low: int = 0

    @property
    def high(self) -> int:
        return len(self.messages)

    def offset_at(self, appended_at: int) -> int:
        """The first offset appended at this time or later; the end when none is."""
        later = (at for at, message in enumerate(self.messages) if message[0] >= appended_at)
        return next(later, self.high)


class MemoryLog:
    """A log without a broker. ``partitions`` for every topic; keys are spread by CRC-32."""

    def __init__(self, book: SchemaBook | None = None, partitions: int = 2) -> None:
        self.book = book or SchemaBook.local()
        self.partitions = partitions
        self.logs: dict[Key, MemoryPartition] = {}

    def append(self, event: Mapping[str, Any], appended_at: int | None = None) -> Key:
        """Encode an event and append it where its key belongs; appended at received_at unless said."""
        topic = TOPIC_OF[event["event_type"]]
        partition = zlib.crc32(str(event[topic.key]).encode()) % self.partitions
        at = event["received_at"] if appended_at is None else appended_at
        self.append_bytes(topic.name, partition, encode(event, self.book), at)
        return topic.name, partition

    def append_bytes(self, topic: str, partition: int, value: bytes | None, appended_at: int) -> None:
        """Append a message as it is."""
        self.partition(topic, partition).messages.append((appended_at, value))

    def partition(self, topic: str, partition: int) -> MemoryPartition:
        """One partition; empty when nothing was appended."""
        return self.logs.setdefault((topic, partition), MemoryPartition())

    def read(self, key: Key, start: int, limit: int) -> tuple[RecordBatch, list[Invalid]]:
        """The batch of at most ``limit`` messages from ``start`` on."""
        run = Run(*key, start)
        log = self.partition(*key)
        for offset, (at, value) in enumerate(log.messages[start : start + limit], start):
            run.add(offset, at, value)
        return assemble(run, self.book.by_id)

    def batches(self, key: Key, start: int = 0, size: int = 100) -> Iterator[RecordBatch]:
        """The partition from ``start`` to its end, in batches of ``size`` messages."""
        for at in range(start, self.partition(*key).high, size):
            yield self.read(key, at, size)[0]

    def fold_into(self, fold: FoldStore, sizes: Iterable[int] = (), size: int = 100) -> None:
        """Fold every partition to its end, from where the store stands.

        ``sizes`` gives the first batches' sizes, ``size`` those of the rest: any cut must do.
        """
        cuts = iter(sizes)
        for key in sorted(self.logs):
            if key[0] not in fold.topics:
                continue
            progress = Progress(fold)
            at = progress.start(key, self.logs[key], epoch=0)
            while at < self.logs[key].high:
                batch, _ = self.read(key, at, next(cuts, size))
                if progress.step(Handout(batch, 0)).seek:
                    at = progress.start(key, self.logs[key], epoch=0)
                else:
                    at = batch.next
