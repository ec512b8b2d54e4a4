"""What the laws of catalog, graph and feed share: histories of these rooms, and ways to hand them out."""

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any, Protocol

import pytest
from hypothesis import strategies as st

from projections.position import FoldsTogether, FoldsTopics, FoldStore, PositionConflict
from schemas.batch import RecordBatch, TopicBatch
from tests import builders
from tests.builders import Event, Log
from tests.strategies import times

users = st.sampled_from(["ann", "bob", "cyd", "dan", "eve"])
authors = st.sampled_from(["bob", "cyd"])
videos = st.sampled_from([f"v{n}" for n in range(12)])
published_ats = st.integers(1, 9)

follows = st.builds(builders.followed, users, authors | users, times)
unfollows = st.builds(builders.unfollowed, users, authors, times)
publications = st.builds(builders.published, authors, videos, times, published_at=published_ats)
deletions = st.builds(builders.deleted, authors, videos, times)
EVERYONE_FOLLOWS = [
    builders.followed(user, author)
    for user in ("ann", "bob", "cyd", "dan", "eve")
    for author in ("bob", "cyd")
]
"""Where most histories of feeds begin: only full feeds are interesting. Any later word prevails."""


def about_video(event_type: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Event]:
    """Events of this type about some video."""
    return st.builds(builders.event, st.just(event_type), users, times, video_id=videos, **fields)


def about_user(event_type: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Event]:
    """Events of this type about some account."""
    return users.flatmap(
        lambda user: st.builds(
            builders.event, st.just(event_type), st.just(user), times, user_id=st.just(user), **fields
        )
    )


class Room(FoldStore, FoldsTogether, Protocol):
    """A fold that can tell all its content."""

    def snapshot(self) -> dict[str, Any]: ...


Make = Callable[[], Room]
"""A room in which nothing was folded yet."""


def folded(room: Room, batches: Iterable[RecordBatch]) -> dict[str, Any]:
    """The content after these batches, each partition's in order."""
    for batch in batches:
        room.apply(batch, room.position(batch.topic, batch.partition))
    return room.snapshot()


def folded_together(room: Room, flushes: Iterable[TopicBatch]) -> dict[str, Any]:
    """The same with the partitions of a flush in one step. A flush that comes again is refused as a whole."""
    for flush in flushes:
        expected = [room.position(flush.topic, span.partition) for span in flush.spans]
        room.apply_together(flush, expected)
        with pytest.raises(PositionConflict):
            room.apply_together(flush, [span.next for span in flush.spans[:-1]] + [-1])
        found = [room.position(flush.topic, span.partition) for span in flush.spans]
        assert found == [span.next for span in flush.spans]
    return room.snapshot()


def folded_in_steps(room: Room, steps: Iterable[Sequence[TopicBatch]]) -> dict[str, Any]:
    """The same with several topics in one step, where the room takes that. One that comes again is refused as
    a whole, and so is one of which only the last partition stands elsewhere."""
    for step in steps:
        expected = [[room.position(one.topic, span.partition) for span in one.spans] for one in step]
        if not isinstance(room, FoldsTopics):
            for flush, before in zip(step, expected, strict=True):
                room.apply_together(flush, before)
            continue
        room.apply_topics(step, expected)
        after = [[span.next for span in one.spans] for one in step]
        wrong = [*after[:-1], [*after[-1][:-1], -1]]
        for refused in (expected, wrong):
            with pytest.raises(PositionConflict):
                room.apply_topics(step, refused)
        assert [[room.position(one.topic, span.partition) for span in one.spans] for one in step] == after
    return room.snapshot()


def apply_again(room: Room, batch: RecordBatch) -> None:
    """What a zombie does: fold a batch from where it once stood. Refused, or harmless."""
    try:
        room.apply(batch, batch.start or None)
    except PositionConflict:
        return


def shuffled(events: Iterable[Event], seed: int) -> Log:
    """The same facts, each sent twice, in another order."""
    again = [one for one in events for _ in range(2)]
    Random(seed).shuffle(again)
    return Log(partitions=2).extend(again)
