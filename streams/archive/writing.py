"""A closed range of the log -> a file of the archive and its manifest.

Read from the brokers at once and written to disk as it comes: memory holds a block of it.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from confluent_kafka import Consumer, KafkaException, Message

from infra.archive_store import ArchiveStore
from infra.kafka.reading import read_from
from schemas.archived import ArchivedRecord, write_records
from schemas.book import SchemaBook
from schemas.codec import HEADER
from schemas.errors import UnknownSchema
from streams.archive.ranges import Manifest, Range, prefix
from streams.batches.decoding import Lookup
from streams.folding.progress import Key

FETCH = 500
SILENCE_S = 30.0
"""How long the brokers may send nothing of what they said they hold."""
MOST_BYTES = 64 * 1024 * 1024
"""A range of large records is closed here: readers take a file at a time into memory."""


@dataclass(slots=True)
class _Tally:
    """What the records of a range were, while they pass."""

    count: int = 0
    last: int = -1
    bytes: int = 0
    earliest: int = 0
    latest: int = 0
    schema_ids: set[int] = field(default_factory=set)

    def note(self, record: ArchivedRecord) -> None:
        at, value = record.timestamp, record.value or b""
        self.earliest = at if not self.count else min(self.earliest, at)
        self.latest = max(self.latest, at)
        self.count += 1
        self.last = record.offset
        self.bytes += len(value)
        if len(value) >= HEADER.size and value[0] == 0:
            self.schema_ids.add(int(HEADER.unpack_from(value)[1]))


@dataclass(slots=True)
class RangeWriter:
    """Writes ranges. ``lookup`` asks the registry for ids that the book does not know; it may raise
    RegistryUnavailable. ``stopping`` says whether to give up."""

    store: ArchiveStore
    book: SchemaBook
    lookup: Lookup
    stopping: Callable[[], bool] = lambda: False
    most_bytes: int = MOST_BYTES

    def write(self, reader: Consumer, key: Key, first: int, until: int) -> Manifest:
        """Store offsets [first, until), or fewer of them when they are large; answers what was stored.

        Raises KafkaException, ArchiveUnavailable, RegistryUnavailable: nothing counts then.
        """
        tally = _Tally()
        with TemporaryDirectory(prefix="reelfold-archive-") as folder:
            path = Path(folder) / "range.avro"
            with path.open("wb") as file:
                write_records(file, self._records(reader, key, first, until, tally), f"{prefix(key)}{first}")
            whole = tally.bytes < self.most_bytes
            made = self._manifest(Range(*key, first, until - 1 if whole else tally.last), tally, path)
            self.store.put_file(made.range.object_name, path)
        self.store.put(made.range.manifest_name, made.to_json())
        return made

    def _records(
        self, reader: Consumer, key: Key, first: int, until: int, tally: _Tally
    ) -> Iterator[ArchivedRecord]:
        read_from(reader, *key, first)
        heard = time.monotonic()
        while tally.last < until - 1 and tally.bytes < self.most_bytes:
            messages = reader.consume(FETCH, timeout=0.2)
            if messages:
                heard = time.monotonic()
            elif self.stopping() or time.monotonic() - heard > SILENCE_S:
                raise KafkaException(f"{key[0]}/{key[1]} is not given out from offset {first} on")
            for message in messages:
                record = _record(message)
                if record.offset >= until or tally.bytes >= self.most_bytes:
                    break
                tally.note(record)
                yield record

    def _manifest(self, of: Range, tally: _Tally, path: Path) -> Manifest:
        known = {number: self.book.by_id[number] for number in tally.schema_ids & self.book.by_id.keys()}
        for number in tally.schema_ids - known.keys():
            try:
                known[number] = self.lookup(number)
            except UnknownSchema:
                continue  # no event: folds do not read it either
        self.book = SchemaBook.of({**self.book.by_id, **known}.items())
        return Manifest(
            *(of.topic, of.partition, of.first, of.last),
            count=tally.count,
            sha256=digest(path),
            bytes=path.stat().st_size,
            min_timestamp=tally.earliest,
            max_timestamp=tally.latest,
            schemas=_named(SchemaBook.of(known.items())),
        )


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _named(book: SchemaBook) -> dict[str, Any]:
    return {
        str(number): {"version": schema.version, "schema": dict(schema.raw)}
        for number, schema in sorted(book.by_id.items())
    }


def _record(message: Message) -> ArchivedRecord:
    error = message.error()
    if error is not None:
        raise KafkaException(error)
    kind, timestamp = message.timestamp()
    headers = cast("list[tuple[str, bytes | None]]", message.headers() or [])
    return ArchivedRecord(
        cast(int, message.offset()), timestamp, kind, message.key(), message.value(), tuple(headers)
    )
