"""A consumer's twin: it notes what it is told, and gives out what a test has laid down for it."""

from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from streams.folding.progress import Key

Call = tuple[str, Any]


class Twin:
    """A consumer that notes what it is told, and answers from a table of bounds."""

    def __init__(self, bounds: Mapping[Key, tuple[int, int] | None]) -> None:
        self.calls: list[Call] = []
        self.bounds = dict(bounds)
        self.rounds: list[Any] = []
        """What each `consume` that waits gives out: messages, or something to do that gives none."""
        self.waiting: list[Any] = []
        self.cached: dict[Key, tuple[int, int] | None] = {}
        self.silent: set[Key] = set()
        self.answers = True
        self.at_time = 4

    def subscribe(self, topics: Sequence[str], **told: Any) -> None:
        self.calls.append(("subscribe", (topics, sorted(told))))

    def get_watermark_offsets(self, place: Any, timeout: float = 0, cached: bool = False) -> Any:
        key = (place.topic, place.partition)
        if cached:
            return self.cached.get(key)
        if key in self.silent:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return self.bounds[key]

    def offsets_for_times(self, asked: Any, timeout: float) -> Any:
        self.calls.append(("times", [one.offset for one in asked]))
        return [TopicPartition(one.topic, one.partition, self.at_time) for one in asked]

    def consume(self, most: int, timeout: float) -> list[Any]:
        """A round comes to whom waits; what is left of it is there at once."""
        if timeout and not self.waiting:
            given = self.rounds.pop(0) if self.rounds else []
            if callable(given):
                given()
                return []
            self.waiting = list(given)
        found, self.waiting = self.waiting[:most], self.waiting[most:]
        return found

    def close(self) -> None:
        self.calls.append(("close", None))

    def list_topics(self, timeout: float) -> None:
        if not self.answers:
            raise KafkaException(KafkaError(KafkaError._ALL_BROKERS_DOWN))

    def commit(self, offsets: Any, asynchronous: bool) -> None:
        self.calls.append(("commit", (_places(offsets), asynchronous)))

    def __getattr__(self, name: str) -> Any:
        def note(places: Any) -> None:
            several = [places] if isinstance(places, TopicPartition) else places
            self.calls.append((name, _places(several)))

        return note

    def told(self) -> list[Call]:
        """What it was told since the last time."""
        said, self.calls = self.calls, []
        return said


def _places(offsets: Any) -> list[tuple[Key, int]]:
    return [((one.topic, one.partition), one.offset) for one in offsets]
