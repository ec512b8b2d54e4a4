"""What was counted lately: lets plain counts absorb a client's retry of an event.

A record is a repetition when an earlier record of its partition has the same id and lies in its bucket or
at most BUCKETS before it (projections/recent_ids.py). This depends on the log alone, never on how it was cut
into batches: buckets follow the greatest appended_at so far, and a repetition is remembered like a first.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import polars as pl

from projections.frames import kept
from projections.recent_ids import BUCKETS, ID, Marked, RecentIds
from schemas.batch import PARTITION, RecordBatch, Records

__all__ = ["BUCKETS", "ID", "Marked", "RecentIds", "RecentRecords", "Remembering"]

KEPT = 4
"""Batches whose countable records are kept until they are remembered: a fold's topics are fewer."""
Part = tuple[RecentIds, slice, Marked]
"""A partition's memory, which rows of the countable records are its own, and these."""
Seen = tuple[Records, pl.DataFrame, list[Part]]
"""A batch, and its countable records."""


class RecentRecords:
    """A fold's memory of the records that it counts, a RecentIds for each partition.

    ``countable`` tells the countable records of a batch: a frame with POSITION_COLUMNS, ID and whatever
    the fold counts by, in offset order. Not shared: each process remembers its own partitions, and
    reads ``history_ms`` of the log back when it is given one.
    """

    def __init__(self, window_ms: int, countable: Callable[[Records], pl.DataFrame]) -> None:
        self.history_ms = window_ms + 2 * (window_ms // BUCKETS)
        self._countable = countable
        self._places: dict[tuple[str, int], RecentIds] = defaultdict(lambda: RecentIds(window_ms))
        self._seen: list[Seen] = []
        """What was looked at last: a step may be of several batches, and each is remembered behind it."""

    def fresh(self, batch: Records) -> pl.DataFrame:
        """The countable records of the batch that are not repetitions."""
        records, places = self._records(batch)
        keep = np.zeros(records.height, dtype=bool)
        for place, rows, marked in places:
            keep[rows] = place.fresh(marked)
        return kept(records, keep)

    def remember(self, batch: Records) -> None:
        """Remember the batch's countable records, once it is folded."""
        for place, _, marked in self._records(batch)[1]:
            place.remember(marked)
        self._seen = [one for one in self._seen if one[0] is not batch]

    def forget(self, topic: str, partition: int) -> None:
        """Drop what is remembered of a partition."""
        self._places.pop((topic, partition), None)

    def _records(self, batch: Records) -> tuple[pl.DataFrame, list[Part]]:
        """What counts of the batch: looked for once, for it is remembered right after it was folded."""
        for seen in self._seen:
            if seen[0] is batch:
                return seen[1:]
        records = self._countable(batch)
        seen = batch, records, [*self._by_place(batch, records)]
        self._seen = [seen, *self._seen[: KEPT - 1]]
        return seen[1:]

    def _by_place(self, batch: Records, records: pl.DataFrame) -> Iterator[Part]:
        """Each partition's memory, which rows are its own, and these."""
        if not records.height:
            return
        marked, partitions = Marked.of(records), records[PARTITION].to_numpy()
        firsts = [0, *(np.flatnonzero(partitions[1:] != partitions[:-1]) + 1).tolist(), len(partitions)]
        for first, past in pairwise(firsts):
            rows = slice(first, past)
            yield self._places[batch.topic, int(partitions[first])], rows, marked.at(rows)


class Remembering:
    """A fold that counts `recent.fresh` records: the doors of a FoldStore that look after its memory.

    Mixed in before MemoryFold or RedisFold; the memory is of this process, never of the store.
    """

    recent: RecentRecords
    history_ms: int

    def remembers(self, recent: RecentRecords) -> None:
        """Called once, by the fold's constructor."""
        self.recent = recent
        self.history_ms = recent.history_ms

    def committed(self, batch: Records) -> None:
        self.recent.remember(batch)

    def warm(self, batch: RecordBatch) -> None:
        self.recent.remember(batch)

    def forget(self, topic: str, partition: int) -> None:
        self.recent.forget(topic, partition)
