"""The job's state machine: what the facts say, what is next, and that the topics commute."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.renditions.fold import Job, evolve, fair, next_step
from tests.builders import Event, deleted, event, published

VIDEO = "v1"


def started(publish: str = "auto") -> Event:
    ids: Event = {"video_id": VIDEO, "upload_id": "up1", "creator_id": "ann"}
    return event("video.upload_started", "ann", 1, publish=publish, **ids)


def uploaded(at: int = 2) -> Event:
    ids: Event = {"video_id": VIDEO, "upload_id": "up1", "creator_id": "ann"}
    return event("video.uploaded", "ann", at, raw_key="incoming/up1", bytes=7, **ids)


def validated() -> Event:
    size: Event = {"width": 720, "height": 1280, "duration_ms": 4_000, "fps": 30.0, "audio_codec": "aac"}
    key = {"original_key": "ab/abc/source", "sha256": "abc"}
    return event("video.validated", "ann", 3, video_id=VIDEO, **size, **key)


def rejected() -> Event:
    return event("video.rejected", "ann", 3, video_id=VIDEO, code="too_long")


def completed() -> Event:
    return event("transcode.completed", "ann", 4, video_id=VIDEO, ladder_version="v1")


def failed(attempts: int, terminal: bool = False) -> Event:
    return event("transcode.failed", "ann", 4, video_id=VIDEO, attempts=attempts, terminal=terminal)


def folded(*events: Event) -> Job:
    job = Job(VIDEO)
    for one in events:
        job = evolve(job, one)
    return job


@pytest.mark.parametrize(
    ("events", "step"),
    [
        ([], None),
        ([started()], None),
        ([started(), uploaded()], "validate"),
        ([uploaded()], "validate"),
        ([started(), uploaded(), rejected()], None),
        ([started(), uploaded(), validated()], "transcode"),
        ([started(), uploaded(), validated(), rejected()], "transcode"),
        ([started(), uploaded(), rejected(), validated()], None),
        ([started(), uploaded(), validated(), failed(1)], "transcode"),
        ([started(), uploaded(), validated(), failed(3, terminal=True)], None),
        ([started(), uploaded(), validated(), failed(1), completed()], "publish"),
        ([started("draft"), uploaded(), validated(), completed()], None),
        ([started(), uploaded(), validated(), completed(), published("ann", VIDEO, 5)], None),
        ([started(), uploaded(), deleted("ann", VIDEO, 5)], None),
        ([deleted("ann", VIDEO, 5), started(), uploaded()], None),
    ],
)
def test_what_is_next(events: list[Event], step: str | None) -> None:
    assert next_step(folded(*events)) == step


def test_what_validation_found_is_kept() -> None:
    original = folded(started(), uploaded(), validated()).video.original
    assert original is not None
    assert (original.key, original.sound, original.source.fps) == ("ab/abc/source", True, 30.0)


def test_the_two_topics_commute() -> None:
    video = [started(), uploaded(), validated(), published("ann", VIDEO, 9)]
    media = [failed(1), failed(2), completed()]
    places = {tuple(sorted(p[:4])) for p in permutations(range(7))}
    for places_of_video in places:
        history = list(media)
        for place, one in zip(places_of_video, video, strict=True):
            history.insert(place, one)
        assert folded(*history) == folded(*video, *media)


facts = st.sampled_from(
    [started(), started("draft"), uploaded(), uploaded(5), validated(), rejected(), completed(), failed(1)]
    + [failed(2), failed(3, terminal=True), published("ann", VIDEO, 9), deleted("ann", VIDEO, 9)]
)


@given(st.lists(facts, max_size=12), st.data())
def test_a_fact_told_again_later_changes_nothing(history: list[Event], data: Any) -> None:
    job = folded(*history)
    if history:
        assert evolve(job, data.draw(st.sampled_from(history))) == job


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 99).map(str)), unique=True))
def test_rounds_are_fair(waiting: list[tuple[str, str]]) -> None:
    order = list(fair(waiting))
    assert sorted(order) == sorted(video_id for _, video_id in waiting)


def test_a_creator_with_many_does_not_keep_others_waiting() -> None:
    waiting = [("ann", "a1"), ("ann", "a2"), ("ann", "a3"), ("bob", "b1"), ("cy", "c1"), ("bob", "b2")]
    assert list(fair(waiting)) == ["a1", "b1", "c1", "a2", "b2", "a3"]
