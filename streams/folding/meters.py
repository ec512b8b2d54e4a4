"""What is measured of a fold's batches."""

from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client import Counter, Histogram

from infra.telemetry import APPLIED, BATCH_ROWS, FOLD_SECONDS, VISIBLE_SECONDS
from schemas.batch import Records


@dataclass(slots=True)
class Meters:
    """A fold's own metrics, looked up once: with many small batches the looking up is what costs."""

    seconds: Histogram
    rows: Histogram
    applied: Counter
    visible: Histogram

    @classmethod
    def of(cls, fold: str) -> "Meters":
        found = (one.labels(fold) for one in (FOLD_SECONDS, BATCH_ROWS, APPLIED, VISIBLE_SECONDS))
        return cls(*found)  # type: ignore[arg-type]  # a child is of its parent's kind

    def measure(self, batches: Sequence[Records], seconds: float, now_ms: int) -> None:
        """A step that folded these. Of the way to visibility the eldest and the youngest row of each are
        measured: they waited longest and least."""
        rows = sum(map(len, batches))
        self.seconds.observe(seconds)
        self.rows.observe(rows)
        self.applied.inc(rows)
        for at in {at for batch in batches for at in batch.received()}:
            self.visible.observe(max(0, now_ms - at) / 1000)
