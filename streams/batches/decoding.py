"""Runs -> batches, with schema ids that the book does not know asked of the registry."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from infra.registry import RegistryUnavailable
from infra.telemetry import Log
from schemas.batch import RecordBatch, TopicBatch
from schemas.book import SchemaBook
from schemas.catalogue import EventSchema
from schemas.errors import UnknownSchema
from streams.batches.assembling import assemble, assemble_together
from streams.batches.runs import Invalid, Run
from streams.exits import Stopped

_log = Log("streams")

Lookup = Callable[[int], EventSchema]
"""Asks the registry for an id; raises UnknownSchema when it has none, RegistryUnavailable."""


@dataclass(slots=True)
class Decoder:
    """``wait(seconds)`` sleeps, and answers False when the worker stops; ``looked_at``: the event types to
    decode, None for all."""

    book: SchemaBook
    lookup: Lookup
    wait: Callable[[float], bool]
    looked_at: frozenset[str] | None = None
    waiting: bool = False
    """Whether the registry is being waited for just now."""

    def assemble(
        self, run: Run, meant: Mapping[int, EventSchema] | None = None
    ) -> tuple[RecordBatch, list[Invalid]]:
        """The run as a batch, and its invalid messages. Waits for the registry; raises Stopped.

        ``meant``: what ids meant when the run was written; they stand before those of the book.
        """
        meant = meant or {}
        self._learn(run.schema_ids() - meant.keys())
        return assemble(run, {**self.book.by_id, **meant} if meant else self.book.by_id, self.looked_at)

    def assemble_together(self, runs: Sequence[Run]) -> tuple[TopicBatch, list[list[Invalid]]]:
        """The same of runs of different partitions of one topic, and the invalid messages of each."""
        self._learn(set().union(*(run.schema_ids() for run in runs)))
        return assemble_together(runs, self.book.by_id, self.looked_at)

    def _learn(self, schema_ids: set[int]) -> None:
        for schema_id in sorted(schema_ids - self.book.by_id.keys()):
            found = self._asked(schema_id)
            if found is not None:
                self.book = self.book.with_schema(schema_id, found)
                _log.info("schema_fetched", schema_id=schema_id, event_type=found.event_type)

    def _asked(self, schema_id: int) -> EventSchema | None:
        pause = 0.2
        try:
            while True:
                try:
                    return self.lookup(schema_id)
                except UnknownSchema:
                    return None
                except RegistryUnavailable as error:
                    if not self.waiting:
                        _log.warning("registry_unavailable", schema_id=schema_id, error=str(error))
                    self.waiting = True
                if not self.wait(pause):
                    raise Stopped
                pause = min(2 * pause, 5.0)
        finally:
            self.waiting = False
