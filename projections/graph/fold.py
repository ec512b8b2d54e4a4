"""The graph's fold: follows and unfollows -> edges. The greatest (clamped occurred_at, event_id) wins.

An edge that is off stays as a tombstone: a late retry of the follow must not bring it back. Nobody
follows themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from projections.versions import clamped
from schemas.batch import Records

TOPICS: tuple[str, ...] = ("rf.graph.v1",)


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """Whether someone follows, and since when: a later version is the greater edge."""

    since: int
    """Clamped occurred_at of the event that said so, epoch ms."""
    event_id: str
    on: bool


Ends = tuple[str, str]
"""(actor, target)"""


def edges(batch: Records) -> dict[Ends, Edge]:
    """The latest word of a batch on each edge it speaks of."""
    found: dict[Ends, Edge] = {}
    for event_type, on in (("user.followed", True), ("user.unfollowed", False)):
        frame = batch.frame(event_type)
        for actor, target, since, event_id in _columns(frame) if frame is not None else ():
            edge = Edge(since, event_id, on)
            if actor != target and prevails(edge, found.get((actor, target))):
                found[actor, target] = edge
    return found


def prevails(edge: Edge, stored: Edge | None) -> bool:
    """Whether the edge is a later word than the stored one."""
    return stored is None or edge > stored


def changed(stored: Mapping[Ends, Edge], said: Mapping[Ends, Edge]) -> dict[Ends, Edge]:
    """The edges of ``said`` that are later words than the stored ones."""
    return {ends: edge for ends, edge in said.items() if prevails(edge, stored.get(ends))}


def _columns(frame: pl.DataFrame) -> list[tuple[str, str, int, str]]:
    return frame.select_seq("actor_id", "target_id", clamped(), "event_id").rows()
