"""What a fold does the same way over every ledger: it says where it stands, and remembers nothing."""

from typing import Generic, Protocol, TypeVar

from schemas.batch import RecordBatch, Records


class Ledger(Protocol):
    """Where a fold's positions are kept."""

    def position(self, topic: str, partition: int) -> int | None:
        """The next offset to fold, or None when nothing was folded yet. May raise StoreUnavailable."""
        ...

    def stream_clock(self, topic: str, partition: int) -> int:
        """The greatest appended_at folded, epoch ms; 0 when none. May raise StoreUnavailable."""
        ...


L = TypeVar("L", bound=Ledger)


class Ledgered(Generic[L]):
    """The part of a FoldStore that is the same for each: a room says what it remembers, if anything."""

    name: str
    topics: tuple[str, ...]
    history_ms: int = 0
    events: frozenset[str] | None = None
    """The event types that it looks at, None for all of its topics': it never sees another, whoever hands
    them in, so that state and clock are the same of every lane."""
    ledger: L

    def position(self, topic: str, partition: int) -> int | None:
        return self.ledger.position(topic, partition)

    def stream_clock(self, topic: str, partition: int) -> int:
        return self.ledger.stream_clock(topic, partition)

    def forget(self, topic: str, partition: int) -> None:
        """Nothing is remembered outside the ledger unless a room says so."""

    def warm(self, batch: RecordBatch) -> None:
        """Nothing is remembered outside the ledger unless a room says so."""

    def committed(self, batch: Records) -> None:
        """The batch is in the store: remember what only this process remembers."""
