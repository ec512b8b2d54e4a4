"""How far a replay goes: a cut for every fold and partition, the offset that is not folded any more. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from projections.position import FoldStore
from schemas.topics import BY_NAME
from streams.folding.progress import Key
from streams.replay.source import Source

Place = tuple[str, str, int]
"""(fold, topic, partition)"""
Cuts = Mapping[Place, int]
"""Place -> cut. A place that is not named is not folded at all."""


class Refused(Exception):
    """What was asked for must not or cannot be done; the message says why, and what to do instead."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an operator asks for. ``to_time`` (epoch ms): records appended before it. ``to_offsets``: the
    offset after the last, for partitions that are named; the others go to their end."""

    to_time: int | None = None
    to_offsets: Mapping[Key, int] = field(default_factory=dict)

    @property
    def bounded(self) -> bool:
        """Whether it may end before the log does."""
        return self.to_time is not None or bool(self.to_offsets)


def epoch_ms(text: str) -> int:
    """A time as ISO 8601 (in UTC unless it says otherwise) or epoch ms. Raises Refused."""
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is no time: say 2026-11-21T14:00:00Z, or epoch milliseconds") from None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def offsets(texts: Iterable[str]) -> dict[Key, int]:
    """topic/partition=offset, each. Raises Refused."""
    found: dict[Key, int] = {}
    for text in texts:
        place, _, offset = text.rpartition("=")
        topic, _, partition = place.rpartition("/")
        digits = all(one.isascii() and one.isdigit() for one in (partition, offset))
        if topic not in BY_NAME or not digits or int(partition) >= BY_NAME[topic].partitions:
            raise Refused(
                f"{text!r} names no offset: say topic/partition=offset, such as rf.playback.v1/0=1200; "
                "see `reelfold topics`"
            )
        found[topic, int(partition)] = int(offset)
    return found


def chosen(folds: Iterable[FoldStore], only: Sequence[str]) -> list[FoldStore]:
    """The folds that are named, or all of them. Raises Refused when there is none of a name."""
    every = list(folds)
    known = {fold.name for fold in every}
    if unknown := sorted(set(only) - known):
        raise Refused(f"there is no fold {unknown[0]!r}; there are: {', '.join(sorted(known))}")
    return [fold for fold in every if not only or fold.name in only]


def cuts(source: Source, folds: Sequence[FoldStore], bounds: Bounds) -> dict[Place, int]:
    """The cut of every fold in every partition it reads. Raises Refused for an offset beyond the log's end,
    StoreUnavailable, ArchiveUnavailable."""
    found: dict[Place, int] = {}
    for key in source.log.keys(sorted({topic for fold in folds for topic in fold.topics})):
        cut = _cut(source, key, bounds)
        found |= {(fold.name, *key): cut for fold in folds if key[0] in fold.topics}
    return found


def _cut(source: Source, key: Key, bounds: Bounds) -> int:
    log = source.view(key)
    cut = log.high
    if bounds.to_time is not None:
        cut = min(cut, log.offset_at(bounds.to_time))
    asked = bounds.to_offsets.get(key)
    if asked is not None and asked > log.high:
        raise Refused(f"{key[0]}/{key[1]} ends at {log.high}: there is no offset {asked} to go to yet")
    return cut if asked is None else min(cut, asked)
