"""Messages of one partition -> a record batch, and what no record could be read from.

Pure. A run interleaves event types and versions: payloads are grouped by schema id over the whole run
(never by neighbourhood: that decodes thirty times slower), and each row carries its offset.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import polars as pl

from schemas.batch import APPENDED_AT, OFFSET, RecordBatch
from schemas.catalogue import EventSchema
from schemas.codec import HEADER, schema_id
from schemas.columns import Undecodable, decode_columns
from schemas.errors import InvalidEvent
from schemas.topics import TOPIC_OF


@dataclass(slots=True)
class Run:
    """Consecutive messages of one partition. ``start`` is the position they were read from."""

    topic: str
    partition: int
    start: int
    offsets: list[int] = field(default_factory=list)
    appended_at: list[int] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def next(self) -> int:
        """The position after the run."""
        return self.offsets[-1] + 1 if self.offsets else self.start

    def add(self, offset: int, appended_at: int, value: bytes | None) -> None:
        """One message more."""
        self.offsets.append(offset)
        self.appended_at.append(appended_at)
        self.values.append(value)

    def schema_ids(self) -> set[int]:
        """Every id that a well-formed header of this run names. No registry gives out 0: nobody is asked for
        it, and zeros are no event also while the registry is away."""
        heads = {value[: HEADER.size] for value in self.values if value}
        return {int(HEADER.unpack(head)[1]) for head in heads if _well_formed(head)} - {0}


@dataclass(frozen=True, slots=True)
class Invalid:
    """A message that is no event: its index in the run, and why. ``schema_id`` where it names one."""

    index: int
    error: InvalidEvent
    schema_id: int | None


def assemble(run: Run, schemas: Mapping[int, EventSchema]) -> tuple[RecordBatch, list[Invalid]]:
    """The run as a batch [start, next), and its invalid messages in offset order.

    An id that is not in ``schemas`` makes its messages invalid: ask for unknown ids before.
    """
    groups, invalid = _grouped(run)
    frames: dict[str, list[pl.DataFrame]] = {}
    for number, indices in groups.items():
        schema = schemas.get(number)
        refusal = _refusal(run.topic, number, schema)
        if refusal is not None or schema is None:
            invalid += [Invalid(index, refusal or _unknown(number), number) for index in indices]
            continue
        frame, bad = _decoded(run, indices, schema)
        frames.setdefault(schema.event_type, []).append(frame)
        invalid += [Invalid(indices[one.index], one.error, number) for one in bad]
    batch = RecordBatch(run.topic, run.partition, run.start, run.next, _joined(frames))
    return batch, sorted(invalid, key=lambda one: one.index)


def _grouped(run: Run) -> tuple[dict[int, list[int]], list[Invalid]]:
    heads: dict[bytes, list[int]] = {}
    invalid: list[Invalid] = []
    for index, value in enumerate(run.values):
        if value is None:
            invalid.append(Invalid(index, InvalidEvent("no_value", "the message has no value"), None))
            continue
        head = value[: HEADER.size]
        if head in heads:
            heads[head].append(index)
        else:
            heads[head] = [index]
    groups: dict[int, list[int]] = {}
    for head, indices in heads.items():
        try:
            groups[schema_id(head)] = indices
        except InvalidEvent as error:
            invalid += [Invalid(index, error, None) for index in indices]
    return groups, invalid


def _decoded(run: Run, indices: list[int], schema: EventSchema) -> tuple[pl.DataFrame, list[Undecodable]]:
    bodies = [(run.values[index] or b"")[HEADER.size :] for index in indices]
    frame, bad = decode_columns(bodies, schema)
    dropped = {one.index for one in bad}
    good = [index for at, index in enumerate(indices) if at not in dropped] if dropped else indices
    placed = frame.with_columns(
        pl.Series(OFFSET, [run.offsets[index] for index in good], dtype=pl.Int64()),
        pl.Series(APPENDED_AT, [run.appended_at[index] for index in good], dtype=pl.Int64()),
    )
    return placed, bad


def _joined(frames: Mapping[str, list[pl.DataFrame]]) -> Mapping[str, pl.DataFrame]:
    joined = {
        event_type: parts[0] if len(parts) == 1 else pl.concat(parts).sort(OFFSET)
        for event_type, parts in sorted(frames.items())
    }
    return MappingProxyType({name: frame for name, frame in joined.items() if frame.height})


def _refusal(topic: str, number: int, schema: EventSchema | None) -> InvalidEvent | None:
    if schema is None:
        return _unknown(number)
    home = TOPIC_OF.get(schema.event_type)
    if home is None or home.name != topic:
        return InvalidEvent("wrong_topic", f"{schema.event_type} does not belong on {topic}", "validate")
    return None


def _unknown(number: int) -> InvalidEvent:
    return InvalidEvent("unknown_schema", f"no schema has the id {number}")


def _well_formed(head: bytes) -> bool:
    return len(head) == HEADER.size and head[0] == 0
