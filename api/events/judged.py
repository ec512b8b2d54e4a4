"""What became of a request's events: each by itself, or many of one shape together."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.events.parsing import Rejection
from api.events.validation import Draft
from schemas.same_shape import SameShape


@dataclass(frozen=True, slots=True)
class Alike:
    """Valid events of one shape. ``places``: where in the request each stood, rising."""

    places: Sequence[int]
    shown_ids: Sequence[str]
    """The ids as the client wrote them; in the events they are in lower case."""
    events: SameShape


@dataclass(slots=True)
class Judged:
    """Every event of a request has its place in one of the three."""

    alike: list[Alike]
    drafts: dict[int, Draft]
    rejected: dict[int, Rejection]

    def __len__(self) -> int:
        return len(self.drafts) + len(self.rejected) + sum(len(one.places) for one in self.alike)

    def extend(self, further: "Judged") -> None:
        """Take in what became of the events that follow."""
        self.alike.extend(further.alike)
        self.drafts.update(further.drafts)
        self.rejected.update(further.rejected)
