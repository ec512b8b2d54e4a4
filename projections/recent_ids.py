"""Which ids a partition had lately: 64-bit hashes, in buckets of stream time.

Those of long ago lie in sorted arrays, one or a few for each bucket, and so does what comes in large
batches. Live, a batch brings ten ids of a partition: arrays of ten cost what arrays of a thousand do, so the
few newest ids of a bucket are kept in a set until they are worth an array.

Measured, a million ids over one window on one core: 8.0 bytes an id, remembering 5.1 M ids/s, asking
4.3 M ids/s in batches of 20,000; two hashes in a million ids are equal with a chance of 3 in 10^8. Ten at a
time, asking and remembering take 30 us together, where arrays alone took 78.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from schemas.batch import APPENDED_AT, OFFSET

ID = "id"
"""Column: the 64-bit hash by which a record is counted once, UInt64."""
BUCKETS = 6
"""Buckets of a window: the memory outlasts the window by at most a sixth."""
FEW = 64
"""Up to so many records are looked at one by one."""
MOST_LOOSE = 4_096
"""Ids of a bucket that are kept in a set: they take ten times the room."""
_NEVER = -(2**63)

Ids = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Marked:
    """Countable records of one partition in offset order: what the memory of ids needs of them."""

    offsets: npt.NDArray[np.int64]
    clocks: npt.NDArray[np.int64]
    """appended_at, epoch ms."""
    ids: Ids

    @classmethod
    def of(cls, records: pl.DataFrame) -> "Marked":
        """Columns OFFSET, APPENDED_AT and ID."""
        return cls(records[OFFSET].to_numpy(), records[APPENDED_AT].to_numpy(), records[ID].to_numpy())

    def since(self, offset: int) -> "Marked":
        """Those from this offset on."""
        first = int(self.offsets.searchsorted(offset)) if len(self.ids) and self.offsets[0] < offset else 0
        return Marked(self.offsets[first:], self.clocks[first:], self.ids[first:]) if first else self

    def at(self, rows: slice) -> "Marked":
        """Some of them, side by side."""
        return Marked(self.offsets[rows], self.clocks[rows], self.ids[rows])


class RecentIds:
    """The ids of one partition's last ``window_ms`` of stream time."""

    def __init__(self, window_ms: int) -> None:
        self._width = max(1, window_ms // BUCKETS)
        self._runs: dict[int, list[Ids]] = {}
        self._loose: dict[int, set[int]] = {}
        """The newest ids of some buckets, in no array yet."""
        self._clock = 0
        self._next = 0

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays, once all ids are in them."""
        loose = sum(map(len, self._loose.values())) * np.dtype(np.uint64).itemsize
        return loose + sum(run.nbytes for runs in self._runs.values() for run in runs)

    def fresh(self, records: Marked) -> npt.NDArray[np.bool_]:
        """Which of these records repeat no earlier one. Remembers nothing."""
        if len(records.ids) <= FEW:
            return np.array(self._fresh_few(records), dtype=bool)
        self._into_arrays(0)
        keep = np.zeros(len(records.ids), dtype=bool)
        here: list[tuple[int, Ids]] = []
        for bucket, first, ids in self._by_bucket(records):
            unique, index = np.unique(ids, return_index=True)
            known = np.zeros(len(unique), dtype=bool)
            for run in self._since(bucket - BUCKETS):
                known |= _among(unique, run)
            for earlier, run in here:
                known |= _among(unique, run) & (earlier >= bucket - BUCKETS)
            keep[first + index[~known]] = True
            here.append((bucket, unique))
        return keep

    def remember(self, records: Marked) -> None:
        """Remember these records; those already remembered change nothing."""
        records = records.since(self._next)
        if not len(records.ids):
            return
        if len(records.ids) <= FEW:
            for bucket, few in self._few_by_bucket(records):
                self._loose.setdefault(bucket, set()).update(few)
            self._into_arrays(MOST_LOOSE)
            newest = max(records.clocks.tolist())
        else:
            self._into_arrays(0)
            for bucket, _, ids in self._by_bucket(records):
                self._add(bucket, np.unique(ids))
            newest = int(records.clocks.max())
        self._clock = max(self._clock, newest)
        self._next = int(records.offsets[-1]) + 1

    def _fresh_few(self, records: Marked) -> list[bool]:
        last: dict[int, int] = {}
        """id -> the bucket in which it was here last."""
        keep = list[bool]()
        for bucket, ids in self._few_by_bucket(records):
            since = bucket - BUCKETS
            known = [some for old, some in self._loose.items() if old >= since]
            known.append(self._in_arrays(ids, since))
            for one in ids:
                keep.append(last.get(one, _NEVER) < since and not any(one in some for some in known))
                last[one] = bucket
        return keep

    def _in_arrays(self, ids: list[int], since: int) -> set[int]:
        """Those of these that are in the arrays of these buckets."""
        found, asked = set[int](), np.array(ids, np.uint64)
        for run in self._since(since):
            found.update(asked[_among(asked, run)].tolist())
        return found

    def _few_by_bucket(self, records: Marked) -> Iterator[tuple[int, list[int]]]:
        """(bucket, ids of its records), oldest first; by the greatest time so far."""
        clock, bucket, ids = self._clock, _NEVER, list[int]()
        for at, one in zip(records.clocks.tolist(), records.ids.tolist(), strict=True):
            clock = max(clock, at)
            if clock // self._width != bucket:
                if ids:
                    yield bucket, ids
                bucket, ids = clock // self._width, []
            ids.append(one)
        if ids:
            yield bucket, ids

    def _into_arrays(self, most: int) -> None:
        """Let at most so many ids be loose, and only of the newest bucket."""
        newest = max(self._loose, default=0)
        for bucket, loose in sorted(self._loose.items()):
            if bucket < newest or len(loose) > most:
                ids = np.fromiter(loose, np.uint64, len(loose))
                ids.sort()
                self._add(bucket, ids)
                del self._loose[bucket]

    def _by_bucket(self, records: Marked) -> Iterator[tuple[int, int, Ids]]:
        """(bucket, index of its first record, its ids), oldest first."""
        if not len(records.ids):
            return
        clocks = np.maximum(np.maximum.accumulate(records.clocks), self._clock)
        buckets, firsts = np.unique(clocks // self._width, return_index=True)
        parts = np.split(records.ids, firsts[1:])
        yield from zip(buckets.tolist(), firsts.tolist(), parts, strict=True)

    def _since(self, oldest: int) -> Iterator[Ids]:
        for bucket, runs in self._runs.items():
            if bucket >= oldest:
                yield from runs

    def _add(self, bucket: int, ids: Ids) -> None:
        """Add a run, merged with smaller ones: few runs to ask, and few copies of each id made."""
        if bucket not in self._runs:
            kept = {old: runs for old, runs in self._runs.items() if old >= bucket - BUCKETS}
            self._runs = {old: [_merged(*runs)] for old, runs in kept.items()} | {bucket: []}
        runs = self._runs[bucket]
        while runs and len(runs[-1]) <= 2 * len(ids):
            ids = _merged(runs.pop(), ids)
        runs.append(ids)


def _among(ids: Ids, run: Ids) -> npt.NDArray[np.bool_]:
    """Which of the ids are in the sorted, not empty run."""
    found = run.take(run.searchsorted(ids), mode="clip")
    return np.asarray(found == ids)


def _merged(*runs: Ids) -> Ids:
    """Sorted runs as one; the stable sort takes them as they are and merges."""
    if len(runs) == 1:
        return runs[0]
    together = np.concatenate(runs)
    together.sort(kind="stable")
    return together[np.concatenate(([True], together[1:] != together[:-1]))]
