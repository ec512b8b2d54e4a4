"""The log in lists: the publisher's twin for tests, held to the same contract suite.

It encodes what it takes in, so that an event Kafka would never have seen fails here too.
"""

from collections.abc import Sequence

from infra.kafka.publisher import Event, LogUnavailable, addressed
from schemas.book import SchemaBook
from schemas.codec import decode
from schemas.compiled import Encoders


class MemoryPublisher:
    """An EventLog that remembers. ``broken`` makes it refuse, as a broker that is down does."""

    def __init__(self, book: SchemaBook | None = None) -> None:
        self._book = book or SchemaBook.local()
        self._encode = Encoders(self._book)
        self.records: list[tuple[str, bytes, bytes]] = []
        """(topic, key, value) in the order taken in."""
        self.broken = False

    @property
    def events(self) -> list[dict[str, object]]:
        """Everything taken in, decoded again."""
        return [decode(value, self._book) for _, _, value in self.records]

    async def publish_all(self, events: Sequence[Event]) -> None:
        self.publish_and_wait(events, 0.0)

    def publish_and_wait(self, events: Sequence[Event], timeout_s: float) -> None:
        messages = [addressed(event, self._encode(event)) for event in events]
        if self.broken:
            raise LogUnavailable("the log is broken by hand")
        self.records.extend((topic, key, value) for topic, key, value, _ in messages)

    def fullness(self) -> float:
        return 0.0
