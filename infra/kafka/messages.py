"""Events -> messages: the topic, the key and the headers of each, and its value in Confluent wire format."""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from schemas.book import SchemaBook
from schemas.codec import encode
from schemas.grouped import GroupedEncoders
from schemas.same_shape import SameShape
from schemas.topics import TOPIC_OF

Event = Mapping[str, Any]
Events = Sequence[Event] | SameShape
Header = tuple[str, str | bytes | None]
Headers = list[Header]
Message = tuple[str, bytes, bytes, Headers]
"""(topic, key, value, headers)"""


def message(event: Event, book: SchemaBook) -> Message:
    """The message of an event; raises InvalidEvent, UnknownEventType."""
    return _addressed(event, encode(event, book))


class Messages:
    """The messages of many events at once. Raises what `message` raises, before any is made."""

    def __init__(self, book: SchemaBook) -> None:
        self._encode = GroupedEncoders(book)

    def __call__(self, events: Events) -> list[Message]:
        """In the order of the events."""
        if isinstance(events, SameShape):
            return _addressed_alike(events, self._encode.same_shape(events))
        return [*map(_addressed, events, self._encode(events))]


def _addressed(event: Event, value: bytes) -> Message:
    topic, key, kind = _address(event["event_type"])
    headers: Headers = [("ce_id", event["event_id"].encode()), kind, _origin(event["source"])]
    return topic, event[key].encode(), value, headers


def _addressed_alike(events: SameShape, values: Sequence[bytes]) -> list[Message]:
    topic, key, kind = _address(events.event_type)
    keys, ids = events.utf8(key), events.utf8("event_id")
    origins = map(_origin, events.each("source"))
    return [
        (topic, to, value, [("ce_id", one), kind, origin])
        for to, value, one, origin in zip(keys, values, ids, origins, strict=True)
    ]


@cache
def _address(event_type: str) -> tuple[str, str, Header]:
    """(topic, the field that is the key, the header that says the type)."""
    topic = TOPIC_OF[event_type]
    return topic.name, topic.key, ("ce_type", b"rf." + event_type.encode())


@lru_cache(maxsize=1024)
def _origin(source: str) -> Header:
    return "ce_source", source.encode()
