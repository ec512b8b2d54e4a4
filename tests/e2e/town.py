"""People, videos and what they do: a seeded load whose outcome is known (infra/demo/expected.py).

The videos are facts that a trusted service writes to the log itself; nobody waits for an encoder.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from random import Random
from typing import Any

import httpx

from infra.clock import SystemClock, new_event_id
from infra.demo.client import Client
from infra.demo.expected import CountsByVideo, expected_counts
from infra.demo.observe import Observer
from infra.demo.simulation import Simulated, SimulatedVideo, simulate, tags_of
from infra.kafka.config import producer
from infra.kafka.publisher import Publisher
from infra.registry import load_book
from infra.settings import Settings
from tests.builders import Event, described, event, published
from tests.e2e.waiting import until

DURATION_MS = 6_000
CHUNK = 100


@dataclass(frozen=True, slots=True)
class Town:
    """Some people and videos of one test; every name begins with the town's."""

    users: tuple[str, ...]
    videos: tuple[SimulatedVideo, ...]

    @classmethod
    def named(cls, name: str, users: int = 8, videos: int = 3) -> "Town":
        people = tuple(f"{name}-user-{n}" for n in range(users))
        films = [f"{name}-video-{n}" for n in range(videos)]
        return cls(
            people,
            tuple(
                SimulatedVideo(film, people[n], DURATION_MS, tags_of(7, film)) for n, film in enumerate(films)
            ),
        )

    @property
    def ids(self) -> list[str]:
        return [video.video_id for video in self.videos]

    def load(self, seed: int, views: int) -> list[Simulated]:
        """Views, likes and unlikes, comments and deletions, shares, follows and unfollows, 2 % twice."""
        start = SystemClock().now_ms() - 30 * views
        doings = simulate(seed, self.users, self.videos, views, start)
        return sorted(
            [*doings, *self._follows(Random(seed), start, views)], key=lambda one: one.event["occurred_at"]
        )

    def expected(self, sent: list[Simulated]) -> CountsByVideo:
        """The oracle's answer."""
        return expected_counts(sent, self.ids)

    def _follows(self, random: Random, start: int, views: int) -> Iterator[Simulated]:
        for nth in range(views // 4):
            actor, target = random.sample(self.users, 2)
            kind = random.choice(("user.followed", "user.followed", "user.unfollowed"))
            at = start + 30 * nth
            fact = {"event_id": new_event_id(at), "event_type": kind, "occurred_at": at, "target_id": target}
            yield from [Simulated(actor, fact)] * random.choice((1, 1, 1, 2))


async def settle_in(town: Town, client: Client, trusted: Publisher) -> None:
    """Register the people over HTTP, publish the videos, wait until the API shows them."""
    now = SystemClock().now_ms()
    for user in town.users:
        await client.sign_in(user)
        names = {"user_id": user, "username": user.replace("-", "_")}
        about = {"event_id": new_event_id(now), "event_type": "user.registered", "occurred_at": now}
        await client.post(user, [about | names])
    await trusted.publish_all([fact for video in town.videos for fact in _film(video, now)])
    for video in town.videos:
        await until(lambda one=video: _shown(client, one.video_id), f"{video.video_id} is shown")  # type: ignore[misc]


async def post(client: Client, sent: list[Simulated], said: list[int] | None = None) -> None:
    """Post in the order of time, one person's run at a time; ``said`` gets the number after each."""
    for actor, run in groupby(sent, key=lambda one: one.actor_id):
        events = [one.event for one in run]
        await client.post(actor, events)
        if said is not None:
            said.append(len(events))


async def by_person(client: Client, sent: list[Simulated]) -> None:
    """Post person by person, in chunks: fewer requests, and the same outcome."""
    for actor in sorted({one.actor_id for one in sent}):
        events = [one.event for one in sent if one.actor_id == actor]
        for at in range(0, len(events), CHUNK):
            await client.post(actor, events[at : at + CHUNK])


async def agreed(client: Client, town: Town, sent: list[Simulated]) -> None:
    """Both stores say what the oracle says, within a minute."""
    expected = town.expected(sent)
    redis, clickhouse = await Observer(client).settled(town.ids, expected)
    assert redis == expected, "Redis"
    assert clickhouse == expected, "ClickHouse"


def client_of(settings: Settings) -> Client:
    """The demo's client: HTTP to the API and to ClickHouse as analyst."""
    analyst = (settings.clickhouse_reader, settings.clickhouse_reader_password.get_secret_value())
    api = f"http://{settings.api_host}:{settings.api_port}"
    return Client(api, settings.clickhouse_url, analyst, settings.clickhouse_database, settings.ca_file)


def publisher_of(settings: Settings) -> Publisher:
    """A trusted service's way into the log: Avro, written by itself."""
    return Publisher(producer(settings), load_book(settings), 30.0)


def bearer(client: Client, user: str) -> dict[str, str]:
    """The header of a user who has signed in."""
    return client._headers(user)


def plain(town: Town, nth: int, kind: str, **fields: Any) -> Event:
    """A complete event of a town's person, as a service writes it."""
    now = SystemClock().now_ms()
    names: dict[str, Any] = {"event_id": new_event_id(now), "source": "/svc/test"}
    return event(kind, town.users[nth], now, **names | fields)


def _film(video: SimulatedVideo, now: int) -> list[Event]:
    maker, film = video.creator_id, video.video_id
    about = described(maker, film, now, title=film, hashtags=list(video.tags), visibility="public")
    return [replace_id(about), replace_id(published(maker, film, now))]


def replace_id(fact: Event) -> Event:
    """The fact with an id of its own time."""
    return fact | {"event_id": new_event_id(fact["occurred_at"])}


async def _shown(client: Client, video_id: str) -> bool:
    answer = await client._http.get(f"/v1/videos/{video_id}")
    return answer.status_code == httpx.codes.OK
