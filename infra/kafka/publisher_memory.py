"""The log in lists: the publisher's twin for tests, held to the same contract suite.

It encodes what it takes in, so that an event Kafka would never have seen fails here too.
"""

from collections.abc import Sequence

from infra.kafka.delivery import LogUnavailable
from infra.kafka.messages import Event, Events, Message, Messages
from schemas.book import SchemaBook
from schemas.codec import decode


class MemoryPublisher:
    """An EventLog that remembers. ``broken`` makes it refuse, as a broker that is down does."""

    def __init__(self, book: SchemaBook | None = None) -> None:
        self._book = book or SchemaBook.local()
        self._messages = Messages(self._book)
        self.records: list[tuple[str, bytes, bytes]] = []
        """(topic, key, value) in the order taken in."""
        self.broken = False

    @property
    def events(self) -> list[dict[str, object]]:
        """Everything taken in, decoded again."""
        return [decode(value, self._book) for _, _, value in self.records]

    def messages(self, events: Events) -> list[Message]:
        return self._messages(events)

    async def send(self, messages: Sequence[Message]) -> None:
        self._take(messages)

    async def publish_all(self, events: Sequence[Event]) -> None:
        self._take(self.messages(events))

    def publish_and_wait(self, events: Sequence[Event], timeout_s: float) -> None:
        self._take(self.messages(events))

    def fullness(self) -> float:
        return 0.0

    def _take(self, messages: Sequence[Message]) -> None:
        if self.broken:
            raise LogUnavailable("the log is broken by hand")
        self.records.extend((topic, key, value) for topic, key, value, _ in messages)
