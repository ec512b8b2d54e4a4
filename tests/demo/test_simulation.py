"""The simulator: same seed, same bytes; what it sends is what the door takes."""

import json

from hypothesis import given
from hypothesis import strategies as st

from infra.demo.expected import expected_counts
from infra.demo.simulation import Simulated, SimulatedVideo, simulate, tags_of
from schemas.catalogue import latest
from schemas.events import EVENTS

USERS = ("ann", "ben", "cleo")
VIDEOS = tuple(SimulatedVideo(f"v{n}", USERS[n], 6_000, tags_of(1, f"v{n}")) for n in range(3))
START = 1_790_000_000_000


def run(seed: int, views: int = 50) -> list[Simulated]:
    return list(simulate(seed, USERS, VIDEOS, views, START))


@given(st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_bytes(seed: int) -> None:
    first, second = run(seed, 5), run(seed, 5)
    assert [json.dumps(s.event) for s in first] == [json.dumps(s.event) for s in second]


def test_another_seed_gives_other_events() -> None:
    assert run(1) != run(2)


def test_everything_a_client_sends_fits_its_schema() -> None:
    for one in run(3, 400):
        schema = latest(one.event["event_type"])
        sealed = {part["name"] for part in schema.sealed}
        filled = {"source": "/t", "received_at": START, "actor_id": one.actor_id}
        plain = {name: value for name, value in one.event.items() if name not in sealed}
        EVENTS[one.event["event_type"]].model_validate(plain | filled)


def test_a_taste_shows_in_what_is_watched_to_the_end() -> None:
    ended = [s for s in run(4, 3_000) if s.event["event_type"] == "view.ended"]
    liked = {
        (s.actor_id, s.event["video_id"]) for s in run(4, 3_000) if s.event["event_type"] == "video.liked"
    }
    assert liked and {s.event["exit"] for s in ended} == {"completed", "skipped", "swiped"}


def like(at: int, on: bool, event_id: str = "a") -> Simulated:
    kind = "video.liked" if on else "video.unliked"
    return Simulated("ann", {"event_id": event_id, "event_type": kind, "occurred_at": at, "video_id": "v0"})


def test_expected_counts_know_the_laws() -> None:
    sent = [like(5, True), like(6, False, "b"), like(5, True)]
    assert expected_counts(sent, ["v0"])["v0"]["likes"] == 0
    history = run(5, 300)
    assert expected_counts(history, ["v0"]) == expected_counts(history + history[::-1], ["v0"])
