"""Histories that hypothesis draws: what clients might do, how the log holds it, how the lane hands it out."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from schemas.batch import RecordBatch, TopicBatch
from tests import builders
from tests.builders import Event, Log

USERS = ("ann", "bob", "cyd")
VIDEOS = ("v1", "v2", "v3")
HOUR_MS = 3_600_000

users = st.sampled_from(USERS)
videos = st.sampled_from(VIDEOS)
times = st.one_of(st.integers(1, 20), st.integers(0, 3 * HOUR_MS))
"""Few values, so that versions tie and order matters; and many, so that hours and buckets change."""
numbers = st.integers(0, 4)


def _event(build: Any, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Event]:
    return st.builds(build, *arguments, at=times)


def _numbered(letter: str) -> st.SearchStrategy[str]:
    return numbers.map(lambda number: f"{letter}{number}")


playback_events = st.one_of(
    _event(builders.view_started, users, videos, _numbered("w")),
    _event(builders.view_ended, users, videos, _numbered("w")),
)


def _own_view(build: Any) -> st.SearchStrategy[Event]:
    def begun(user: str, video: str, number: int, at: int) -> Event:
        return build(user, video, f"{user}-w{number}", at=at)  # type: ignore[no-any-return]

    return st.builds(begun, users, videos, numbers, times)


own_playback_events = st.one_of(_own_view(builders.view_started), _own_view(builders.view_ended))
"""No two people name their views alike. A row of ClickHouse's `video_views` is found by video, day and view:
of two people's events with one name and one version the last to arrive stays, and that is not a fold."""
engagement_events = st.one_of(
    _event(builders.liked, users, videos),
    _event(builders.unliked, users, videos),
    _event(builders.shared, users, videos),
    _event(builders.commented, users, videos, _numbered("c")),
    _event(builders.comment_deleted, users, videos, _numbered("c")),
)
feed_events = _event(builders.impression, users, videos, _numbered("r"))
graph_events = st.one_of(_event(builders.followed, users, users), _event(builders.unfollowed, users, users))


@st.composite
def histories(
    draw: st.DrawFn, *kinds: st.SearchStrategy[Event], max_events: int = 25, max_step_ms: int = HOUR_MS // 6
) -> Log:
    """A log of two partitions a topic. Clients send again now and then; the broker's clock runs on."""
    log, clock = Log(partitions=2), 10 * HOUR_MS
    sent: list[Event] = []
    for one in draw(st.lists(st.one_of(*kinds), max_size=max_events)):
        clock += draw(st.integers(0, max_step_ms))
        again = bool(sent) and draw(st.booleans())
        sent.append(draw(st.sampled_from(sent)) if again else one)
        log.append(sent[-1], appended_at=clock)
    return log


@st.composite
def schedules(draw: st.DrawFn, log: Log, *topics: str) -> list[RecordBatch]:
    """One way to hand out the log: partitions cut anywhere, and interleaved in any way."""
    queues = [draw(cuttings(batch)) for batch in log.batches(*topics)]
    handed: list[RecordBatch] = []
    while waiting := [queue for queue in queues if queue]:
        handed.append(draw(st.sampled_from(waiting)).pop(0))
    return handed


@st.composite
def flushes(draw: st.DrawFn, log: Log, *topics: str) -> list[TopicBatch]:
    """One way to hand it out as a lane does: now and then several partitions of a topic together."""
    handed: list[list[RecordBatch]] = []
    for batch in draw(schedules(log, *topics)):
        last = handed[-1] if handed else []
        there = [one.partition for one in last if one.topic == batch.topic]
        if there and batch.partition not in there and draw(st.integers(0, 3)):
            last.append(batch)
        else:
            handed.append([batch])
    return [TopicBatch.of(batches) for batches in handed]


@st.composite
def steps(draw: st.DrawFn, log: Log, *topics: str) -> list[list[TopicBatch]]:
    """One way to hand out what is due of several topics: now and then at once, no partition twice."""
    handed: list[list[TopicBatch]] = []
    for flush in draw(flushes(log, *topics)):
        last = handed[-1] if handed else []
        if last and flush.topic not in {one.topic for one in last} and draw(st.integers(0, 3)):
            last.append(flush)
        else:
            handed.append([flush])
    return handed


@st.composite
def cuttings(draw: st.DrawFn, batch: RecordBatch) -> list[RecordBatch]:
    """The batch cut at offsets into batches that join seamlessly."""
    cuts = draw(st.sets(st.integers(batch.start + 1, batch.next), max_size=6))
    return cut_at(batch, sorted(cuts - {batch.next}))


def cut_at(batch: RecordBatch, offsets: Sequence[int]) -> list[RecordBatch]:
    """The batch cut before each of these ascending offsets."""
    pieces = []
    for offset in offsets:
        pieces.append(batch.until(offset))
        batch = batch.since(offset)
    return [*pieces, batch]
