"""Messages of a topic's partitions -> a batch, and what no record could be read from.

Pure. A run interleaves event types and versions: payloads are grouped by schema id over all runs
(never by neighbourhood: that decodes thirty times slower), and each row carries its partition and offset.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from types import MappingProxyType
from typing import TypeVar

import polars as pl

from schemas.batch import APPENDED_AT, OFFSET, PARTITION, RecordBatch, Span, TopicBatch
from schemas.catalogue import EventSchema
from schemas.codec import HEADER, schema_id
from schemas.columns import Undecodable, decode_columns
from schemas.errors import InvalidEvent
from schemas.topics import TOPIC_OF
from streams.batches.runs import Invalid, Messages, Run, by_run

T = TypeVar("T")


def assemble(
    run: Run, schemas: Mapping[int, EventSchema], looked_at: frozenset[str] | None = None
) -> tuple[RecordBatch, list[Invalid]]:
    """The run as a batch [start, next), and its invalid messages in offset order.

    An id that is not in ``schemas`` makes its messages invalid: ask for unknown ids before. Of other event
    types than these nothing is decoded, nor found invalid that only decoding finds; None: of all.
    """
    whole, (invalid,) = assemble_together([run], schemas, looked_at)
    return whole.batches()[0], invalid


def assemble_together(
    runs: Sequence[Run], schemas: Mapping[int, EventSchema], looked_at: frozenset[str] | None = None
) -> tuple[TopicBatch, list[list[Invalid]]]:
    """The same of runs of different partitions of one topic, and the invalid messages of each."""
    messages = Messages.of(runs)
    groups, invalid = _grouped(messages.values)
    frames: dict[str, list[pl.DataFrame]] = {}
    passed: set[int] = set()
    for number, indices in groups.items():
        schema = schemas.get(number)
        refusal = _refusal(runs[0].topic, number, schema)
        if refusal is not None or schema is None:
            invalid += [Invalid(index, refusal or _unknown(number), number) for index in indices]
            continue
        if looked_at is not None and schema.event_type not in looked_at:
            passed.update(indices)
            continue
        frame, bad = _decoded(messages, indices, schema)
        frames.setdefault(schema.event_type, []).append(frame)
        invalid += [Invalid(indices[one.index], one.error, number) for one in bad]
    passed.update(one.index for one in invalid)
    spans = tuple(
        Span(run.partition, run.start, run.next, clock)
        for run, clock in zip(runs, _clocks(runs, passed), strict=True)
    )
    return TopicBatch(runs[0].topic, spans, _joined(frames)), by_run(invalid, runs)


def _grouped(values: Sequence[bytes | None]) -> tuple[dict[int, list[int]], list[Invalid]]:
    heads: defaultdict[bytes, list[int]] = defaultdict(list)
    invalid: list[Invalid] = []
    size = HEADER.size
    for index, value in enumerate(values):
        if value is None:
            invalid.append(Invalid(index, InvalidEvent("no_value", "the message has no value"), None))
        else:
            heads[value[:size]].append(index)
    groups: dict[int, list[int]] = {}
    for head, indices in heads.items():
        try:
            groups[schema_id(head)] = indices
        except InvalidEvent as error:
            invalid += [Invalid(index, error, None) for index in indices]
    return groups, invalid


def _decoded(
    messages: Messages, indices: list[int], schema: EventSchema
) -> tuple[pl.DataFrame, list[Undecodable]]:
    size = HEADER.size
    bodies = [(value or b"")[size:] for value in _those(messages.values, indices)]
    frame, bad = decode_columns(bodies, schema)
    dropped = {one.index for one in bad}
    good = [index for at, index in enumerate(indices) if at not in dropped] if dropped else indices
    places = [
        pl.Series(PARTITION, _those(messages.partitions, good), dtype=pl.Int32()),
        pl.Series(OFFSET, _those(messages.offsets, good), dtype=pl.Int64()),
        pl.Series(APPENDED_AT, _those(messages.appended_at, good), dtype=pl.Int64()),
    ]
    return frame.hstack(places), bad


def _those(column: Sequence[T], indices: Sequence[int]) -> Sequence[T]:
    """The column at these different indices."""
    return column if len(indices) == len(column) else [column[index] for index in indices]


def _joined(frames: Mapping[str, list[pl.DataFrame]]) -> Mapping[str, pl.DataFrame]:
    joined = {
        event_type: parts[0] if len(parts) == 1 else pl.concat(parts).sort(PARTITION, OFFSET)
        for event_type, parts in sorted(frames.items())
    }
    return MappingProxyType({name: frame for name, frame in joined.items() if frame.height})


def _clocks(runs: Sequence[Run], passed: Set[int]) -> Iterator[int]:
    """Of each run the greatest appended_at of its records but for those ``passed`` by, 0 without any."""
    first = 0
    for run in runs:
        times = run.appended_at
        if passed:
            times = [at for index, at in enumerate(times, first) if index not in passed]
        yield max(times, default=0)
        first += len(run)


def _refusal(topic: str, number: int, schema: EventSchema | None) -> InvalidEvent | None:
    if schema is None:
        return _unknown(number)
    home = TOPIC_OF.get(schema.event_type)
    if home is None or home.name != topic:
        return InvalidEvent("wrong_topic", f"{schema.event_type} does not belong on {topic}", "validate")
    return None


def _unknown(number: int) -> InvalidEvent:
    return InvalidEvent("unknown_schema", f"no schema has the id {number}")
