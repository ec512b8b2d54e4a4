"""What the lane hands to a fold: a batch, with the epoch of its reading."""

from collections.abc import Sequence
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
