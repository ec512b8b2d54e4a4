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
