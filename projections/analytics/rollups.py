"""Keeps the rollups current beside the sink: on a thread of its own, in small steps, and at rest most of the
time, so that the sink neither waits for it nor shares much of the engine with it.

What is due is a set of (video, day) in memory. A crash loses it; the next start therefore takes all that
late events may still change as due. A rebuild computes everything once, when all rows are in.
"""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import polars as pl

from projections.analytics import queries
from projections.analytics.queries import Query, Tables
from projections.position import StoreUnavailable

VIDEOS_PER_STEP = 1_000
"""Their ids travel in the URL, which is bounded."""
REST = 19
"""After a step it rests this many times as long as the step took, so that rollups have a twentieth of the
engine at most: a step costs what 10,000 rows of an insert cost, a fifth more for twice the videos."""
Due = set[tuple[str, str]]


class Rollups:
    """Recomputes what new views touched. ``ask`` runs a query; it may raise StoreUnavailable."""

    def __init__(self, ask: Callable[[Query], list[tuple[Any, ...]]], tables: Tables, every_s: float) -> None:
        self._ask = ask
        self._tables = tables
        self._every_s = every_s
        self._lock = threading.Lock()
        self._computing = threading.Lock()
        self._due: dict[tuple[str, str], None] = {}
        """In the order in which they became due."""
        self._known = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None
        self._at_the_end = False

    def at_the_end(self) -> None:
        """Compute nothing beside the sink and everything in `close`: for a rebuild that nobody reads yet."""
        self._at_the_end = True

    def touch(self, views: pl.DataFrame) -> None:
        """Note what these rows of video_views change. Raises what the thread died of: a bug."""
        if self._failure is not None:
            raise self._failure
        if self._at_the_end:
            return
        days = views.select("video_id", pl.col("started_at").dt.strftime("%Y-%m-%d")).unique()
        with self._lock:
            self._due.update(dict.fromkeys(days.iter_rows()))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="rollups", daemon=True)
            self._thread.start()

    def settle(self) -> None:
        """Compute all that is due now, in this thread. May raise StoreUnavailable."""
        with self._computing:
            self._remember_open_window()
            while due := self._take():
                self._compute(due)

    def settle_these(self, due: Due) -> None:
        """Compute these (video, day) now, in this thread. May raise StoreUnavailable."""
        with self._computing:
            self._compute(due)

    def settle_all(self) -> None:
        """Compute all that there is, month by month, in this thread. May raise StoreUnavailable."""
        with self._computing:
            for (month,) in self._ask(queries.view_months(self._tables)):
                self._ask(queries.month_hourly(self._tables, int(month)))
                self._ask(queries.month_daily(self._tables, int(month)))

    def close(self) -> None:
        """Stop the thread and settle what is left; an unavailable store leaves it to the next start. At the
        end of a rebuild it raises StoreUnavailable: nobody would know what is left."""
        self._stop.set()
        if self._at_the_end:
            self.settle_all()
        if self._thread is None:
            return
        self._thread.join()
        try:
            self.settle()
        except StoreUnavailable:
            return

    def _run(self) -> None:
        rest = self._every_s
        while not self._stop.wait(rest):
            began = time.monotonic()
            try:
                with self._computing:
                    self._remember_open_window()
                    self._compute(self._take())
            except StoreUnavailable:
                rest = self._every_s
                continue
            except Exception as error:  # a bug: told by the next `touch`, in the sink's thread
                self._failure = error
                return
            rest = max(REST * (time.monotonic() - began), 0 if self._due else self._every_s)

    def _remember_open_window(self) -> None:
        if not self._known:
            found = self._ask(queries.open_window(self._tables))
            with self._lock:
                self._due.update(dict.fromkeys((str(video), str(day)) for video, day in found))
            self._known = True

    def _take(self) -> Due:
        """What has been due longest, of a day that it names: one step's worth."""
        with self._lock:
            first = next(iter(self._due), None)
            same = (one for one in self._due if first is not None and one[1] == first[1])
            taken = set(islice(same, VIDEOS_PER_STEP))
            for one in taken:
                del self._due[one]
        return taken

    def _compute(self, due: Due) -> None:
        try:
            for videos, days in _steps(due):
                self._ask(queries.video_hourly(self._tables, videos, days))
                self._ask(queries.creator_daily(self._tables, videos, days))
        except StoreUnavailable:
            with self._lock:
                self._due.update(dict.fromkeys(due))
            raise


def _steps(due: Due) -> Iterator[tuple[list[str], list[str]]]:
    """Videos and days for one statement each: a day's videos together, a bounded number at a time."""
    for day in sorted({day for _, day in due}):
        videos = sorted(video for video, its_day in due if its_day == day)
        for start in range(0, len(videos), VIDEOS_PER_STEP):
            yield videos[start : start + VIDEOS_PER_STEP], [day]
