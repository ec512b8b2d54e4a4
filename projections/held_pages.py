"""What an API process holds of following feeds (projections.first_pages), and who tells it of changes."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from projections.catalog.store import User, Video
from projections.engagement.store import Counts
from projections.keyset import Keyset

Command = tuple[str | int, ...]
T = TypeVar("T")


class Watching(Protocol):
    """A store that tells what changed of all that was read (infra.redis.watch)."""

    changed: Callable[[str | None], None]

    async def settled(self) -> None:
        """Return when every change before this call is told."""
        ...

    async def ask(self, commands: Sequence[Command], take: Callable[[list[Any]], T]) -> T:
        """What ``take`` makes of the answers, before any later change is told."""
        ...


@dataclass(slots=True, eq=False)
class Card:
    """What a video shows to everyone. ``plain``: anybody may see it; ``known``: ``user`` was looked up;
    ``text`` is for whoever writes it out."""

    video_id: str
    video: Video | None
    counts: Counts
    plain: bool
    known: bool
    user: User | None = None
    text: Any = None


@dataclass(slots=True, eq=False)
class FirstPage:
    """A reader's newest videos, one more than the limit where there are more, and which are liked. ``shown``
    is for whoever writes out ``cards``, which stood at ``turn``."""

    limit: int
    keysets: list[Keyset]
    pulled: frozenset[str]
    liked: list[bool]
    cards: list[Card] = field(default_factory=list)
    shown: Any = None
    turn: int = -1


class Bounded(OrderedDict[str, T]):
    """Holds so many."""

    def __init__(self, bound: int) -> None:
        super().__init__()
        self._bound = bound

    def put(self, name: str, value: T) -> None:
        self[name] = value
        if len(self) > self._bound:
            self.popitem(last=False)
