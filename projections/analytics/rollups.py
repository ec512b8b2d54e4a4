"""Keeps the rollups current beside the sink: on a thread of its own, in small steps, at most every few
seconds, so that the sink never waits for it.

What is due is a set of (video, day) in memory. A crash loses it; the next start therefore takes all that
late events may still change as due.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl

from projections.analytics import queries
from projections.analytics.queries import Query, Tables
from projections.position import StoreUnavailable

VIDEOS_PER_STEP = 200
STEPS_PER_ROUND = 20
Due = set[tuple[str, str]]


class Rollups:
    """Recomputes what new views touched. ``ask`` runs a query; it may raise StoreUnavailable."""

    def __init__(self, ask: Callable[[Query], list[tuple[Any, ...]]], tables: Tables, every_s: float) -> None:
        self._ask = ask
        self._tables = tables
        self._every_s = every_s
        self._lock = threading.Lock()
        self._computing = threading.Lock()
        self._due: Due = set()
        self._known = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None

    def touch(self, views: pl.DataFrame) -> None:
        """Note what these rows of video_views change. Raises what the thread died of: a bug."""
        if self._failure is not None:
            raise self._failure
        days = views.select("video_id", pl.col("started_at").dt.strftime("%Y-%m-%d")).unique()
        with self._lock:
            self._due.update(days.iter_rows())
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="rollups", daemon=True)
            self._thread.start()

    def settle(self) -> None:
        """Compute all that is due now, in this thread. May raise StoreUnavailable."""
        with self._computing:
            self._remember_open_window()
            while due := self._take(STEPS_PER_ROUND):
                self._compute(due)

    def settle_these(self, due: Due) -> None:
        """Compute these (video, day) now, in this thread. May raise StoreUnavailable."""
        with self._computing:
            self._compute(due)

    def close(self) -> None:
        """Stop the thread and settle what is left; an unavailable store leaves it to the next start."""
        self._stop.set()
        if self._thread is None:
            return
        self._thread.join()
        try:
            self.settle()
        except StoreUnavailable:
            return

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                with self._computing:
                    self._remember_open_window()
                    self._compute(self._take(STEPS_PER_ROUND))
            except StoreUnavailable:
                continue
            except Exception as error:  # a bug: told by the next `touch`, in the sink's thread
                self._failure = error
                return

    def _remember_open_window(self) -> None:
        if not self._known:
            found = self._ask(queries.open_window(self._tables))
            with self._lock:
                self._due.update((str(video), str(day)) for video, day in found)
            self._known = True

    def _take(self, steps: int) -> Due:
        with self._lock:
            taken = set(sorted(self._due)[: steps * VIDEOS_PER_STEP])
            self._due -= taken
        return taken

    def _compute(self, due: Due) -> None:
        try:
            for videos, days in _steps(due):
                self._ask(queries.video_hourly(self._tables, videos, days))
                self._ask(queries.creator_daily(self._tables, videos, days))
        except StoreUnavailable:
            with self._lock:
                self._due |= due
            raise


def _steps(due: Due) -> Iterator[tuple[list[str], list[str]]]:
    """Videos and days for one statement each: a day's videos together, a bounded number at a time."""
    for day in sorted({day for _, day in due}):
        videos = sorted(video for video, its_day in due if its_day == day)
        for start in range(0, len(videos), VIDEOS_PER_STEP):
            yield videos[start : start + VIDEOS_PER_STEP], [day]
