"""Events as tests write them: what matters is said, everything else has a default.

`at` is occurred_at in epoch ms (small numbers are fine) and received_at unless that is given. Without an
event_id an event gets one made of its content: the same call twice is a client's retry of one event.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import NAMESPACE_OID, uuid5
from zlib import crc32

import polars as pl

from schemas.batch import APPENDED_AT, OFFSET, PARTITION, POSITION_COLUMNS, RecordBatch
from schemas.catalogue import latest
from schemas.columns import from_rows
from schemas.topics import TOPIC_OF

Event = dict[str, Any]

_FILLERS: Mapping[str, Any] = {
    "string": "x",
    "int": 0,
    "long": 0,
    "double": 0.0,
    "boolean": False,
    "array": [],
}


def event(event_type: str, by: str, at: int = 0, event_id: str | None = None, **fields: Any) -> Event:
    """Any event: every field of its newest schema, those not given by default or filler."""
    schema = latest(event_type)
    known = {field["name"]: _filled(field) for field in schema.fields}
    if unknown := fields.keys() - known.keys():
        raise TypeError(f"{event_type} has no {sorted(unknown)}")
    content = json.dumps([event_type, by, at, fields], sort_keys=True, default=str)
    return known | {
        "event_id": event_id or str(uuid5(NAMESPACE_OID, content)),
        "event_type": event_type,
        "source": "/client/test",
        "actor_id": by,
        "occurred_at": at,
        "received_at": at,
        **fields,
    }


def liked(by: str, video: str, at: int = 0, **fields: Any) -> Event:
    return event("video.liked", by, at, video_id=video, **fields)


def unliked(by: str, video: str, at: int = 0, **fields: Any) -> Event:
    return event("video.unliked", by, at, video_id=video, **fields)


def shared(by: str, video: str, at: int = 0, **fields: Any) -> Event:
    return event("video.shared", by, at, video_id=video, **fields)


def commented(by: str, video: str, comment: str, at: int = 0, **fields: Any) -> Event:
    sealed: dict[str, Any] = {"pii": "c2VhbGVk", "pii_key_id": f"key-{by}"}
    return event("comment.created", by, at, video_id=video, comment_id=comment, **sealed | fields)


def comment_deleted(by: str, video: str, comment: str, at: int = 0, **fields: Any) -> Event:
    return event("comment.deleted", by, at, video_id=video, comment_id=comment, **fields)


def view_started(by: str, video: str, view: str, at: int = 0, **fields: Any) -> Event:
    return event("view.started", by, at, video_id=video, view_id=view, **fields)


def view_ended(by: str, video: str, view: str, at: int = 0, **fields: Any) -> Event:
    given: dict[str, Any] = {"started_at": at} | fields
    return event("view.ended", by, at, video_id=video, view_id=view, **given)


def impression(by: str, video: str, request: str, at: int = 0, **fields: Any) -> Event:
    return event("feed.impression", by, at, video_id=video, request_id=request, **fields)


def followed(by: str, target: str, at: int = 0, **fields: Any) -> Event:
    return event("user.followed", by, at, target_id=target, **fields)


def unfollowed(by: str, target: str, at: int = 0, **fields: Any) -> Event:
    return event("user.unfollowed", by, at, target_id=target, **fields)


def registered(user: str, at: int = 0, **fields: Any) -> Event:
    given: dict[str, Any] = {"username": user} | fields
    return event("user.registered", user, at, user_id=user, **given)


def described(by: str, video: str, at: int = 0, **fields: Any) -> Event:
    return event("video.described", by, at, video_id=video, creator_id=by, **fields)


def published(by: str, video: str, at: int = 0, **fields: Any) -> Event:
    given: dict[str, Any] = {"published_at": at, "ladder_version": "v1"} | fields
    return event("video.published", by, at, video_id=video, creator_id=by, **given)


def deleted(by: str, video: str, at: int = 0, **fields: Any) -> Event:
    return event("video.deleted", by, at, video_id=video, creator_id=by, **fields)


class Log:
    """Partitions as Kafka would hold them: keyed as the topic says, offsets from 0, a broker's clock."""

    def __init__(self, partitions: int = 2) -> None:
        self.partitions = partitions
        self._records: dict[tuple[str, int], list[Event]] = defaultdict(list)

    def append(self, one: Event, appended_at: int | None = None) -> "Log":
        """Add a record; appended_at is its received_at unless given. Answers the log."""
        topic = TOPIC_OF[one["event_type"]]
        place = topic.name, crc32(str(one[topic.key]).encode()) % self.partitions
        records = self._records[place]
        clock = one["received_at"] if appended_at is None else appended_at
        records.append(one | {OFFSET: len(records), APPENDED_AT: clock})
        return self

    def extend(self, events: Iterable[Event], appended_at: int | None = None) -> "Log":
        """Append them all in order."""
        for one in events:
            self.append(one, appended_at)
        return self

    def batches(self, *topics: str) -> list[RecordBatch]:
        """Every partition (of these topics, or of all) as one batch."""
        places = sorted(place for place in self._records if not topics or place[0] in topics)
        return [record_batch(*place, self._records[place]) for place in places]


def record_batch(topic: str, partition: int, records: list[Event], start: int = 0) -> RecordBatch:
    """A batch of these records, which carry an offset and appended_at, or get start, start + 1, ... and 0."""
    by_type: dict[str, list[Event]] = defaultdict(list)
    for index, one in enumerate(records):
        by_type[one["event_type"]].append({PARTITION: partition, OFFSET: start + index, APPENDED_AT: 0} | one)
    last = max((row[OFFSET] for rows in by_type.values() for row in rows), default=start - 1)
    frames = {event_type: _frame(event_type, rows) for event_type, rows in by_type.items()}
    return RecordBatch(topic, partition, start, last + 1, frames)


def batch_of(*events: Event, start: int = 0, partition: int = 0, appended_at: int = 0) -> RecordBatch:
    """Events of one topic as one batch, at consecutive offsets from start."""
    records = [{APPENDED_AT: appended_at} | one for one in events]
    return record_batch(TOPIC_OF[events[0]["event_type"]].name, partition, records, start)


def _frame(event_type: str, rows: list[Event]) -> pl.DataFrame:
    bare = [{k: v for k, v in row.items() if k not in POSITION_COLUMNS} for row in rows]
    positions = [
        pl.Series(name, [row[name] for row in rows], dtype) for name, dtype in POSITION_COLUMNS.items()
    ]
    return from_rows(event_type, bare).with_columns(positions)


def _filled(field: Mapping[str, Any]) -> Any:
    if "default" in field:
        return field["default"]
    kind = field["type"]
    return _FILLERS[kind if isinstance(kind, str) else kind["type"]]
