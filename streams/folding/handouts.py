"""What the lane hands to a fold: a batch, with the epoch of its reading."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from schemas.batch import RecordBatch, TopicBatch


@dataclass(frozen=True, slots=True)
class Handout:
    """A batch on its way to a fold. ``epoch`` grows with every seek of its partition: what was read
    before the last one is stale."""

    batch: RecordBatch
    epoch: int


@dataclass(frozen=True, slots=True)
class Handouts:
    """What one flush brings of a topic, with the epoch of each of its partitions."""

    batch: TopicBatch
    epochs: Sequence[int]

    @classmethod
    def of(cls, *handouts: Handout) -> "Handouts":
        """Handouts of different partitions of one topic as one."""
        return cls(TopicBatch.of([one.batch for one in handouts]), [one.epoch for one in handouts])

    def __len__(self) -> int:
        return len(self.epochs)

    def __str__(self) -> str:
        spans = ", ".join(f"{one.partition} [{one.start}, {one.next})" for one in self.batch.spans)
        return f"{self.batch.topic}/{spans}"

    def each(self) -> list[Handout]:
        """Partition by partition."""
        return [Handout(one, epoch) for one, epoch in zip(self.batch.batches(), self.epochs, strict=True)]

    def cut(self, bounds: Sequence[int | None]) -> tuple["Handouts | None", list[Handout]]:
        """What lies before these offsets of the partitions (None: all of it), and what does not."""
        if all(end is None or span.next <= end for end, span in zip(bounds, self.batch.spans, strict=True)):
            return self, []
        before, rest = [], []
        for one, bound in zip(self.each(), bounds, strict=True):
            end = one.batch.next if bound is None else bound
            if end > one.batch.start:
                before.append(Handout(one.batch.until(end), one.epoch))
            if end < one.batch.next:
                rest.append(Handout(one.batch.since(end), one.epoch))
        return Handouts.of(*before) if before else None, rest


def at_once(handouts: Iterable[Handouts], rows: int) -> Iterator[list[Handouts]]:
    """In their order, as many at once as come to so many rows, and one at least."""
    last: list[Handouts] = []
    for one in handouts:
        if last and sum(len(other.batch) for other in (*last, one)) > rows:
            yield last
            last = []
        last.append(one)
    if last:
        yield last
