"""People who follow people who publish: what feeds are made of, as events, and what each feed must be.

The oracle is the definition read aloud: the newest videos of whom one follows, by (published_at, id).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from infra.bench.workload import START_MS, Event, Record, filled
from schemas.book import SchemaBook
from schemas.codec import encode
from schemas.topics import TOPIC_OF


@dataclass(slots=True)
class Town:
    """Events with ids of their own; ``number`` tells towns apart on one stack."""

    number: int
    follows: dict[str, set[str]] = field(default_factory=dict)
    """follower -> authors"""
    videos: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """author -> (published_at, video)"""
    _events: int = 0

    def name(self, kind: str, nth: int) -> str:
        """An id: of an author `a`, a user `u`, a video `v`."""
        return f"t{self.number}{kind}{nth:06d}"

    def register(self, people: Iterable[str]) -> Iterator[Event]:
        """Accounts."""
        for one in people:
            yield self._event("user.registered", one, user_id=one, username=one)

    def follow(self, followers: Iterable[str], authors: Sequence[str]) -> Iterator[Event]:
        """All of these follow all of those."""
        for one in followers:
            for author in authors:
                self.follows.setdefault(one, set()).add(author)
                yield self._event("user.followed", one, target_id=author)

    def publish(self, author: str, at: int, whole: bool = True) -> Iterator[Event]:
        """A video, published at this time; described and playable where ``whole``."""
        video = self.name("v", sum(map(len, self.videos.values())))
        self.videos.setdefault(author, []).append((at, video))
        if whole:
            named = {"video_id": video, "creator_id": author}
            said = {"title": f"Sunrise {at}", "caption": "over the lake #morning", "hashtags": ["morning"]}
            yield self._event("video.described", author, **named, **said)
            key = f"9f/{video}/v1/master.m3u8"
            yield self._event("playlist.created", author, video_id=video, key=key, ladder_version="v1")
        yield self._event(
            "video.published", author, video_id=video, creator_id=author, published_at=at, ladder_version="v1"
        )

    def feed(self, user: str, limit: int, pushed: int = 400) -> list[str]:
        """The videos that this user's feed must begin with."""
        union = [one for author in self.follows.get(user, ()) for one in self.videos.get(author, ())]
        return [video for _, video in sorted(union, reverse=True)[: min(limit, pushed)]]

    def _event(self, event_type: str, actor: str, **said: object) -> Event:
        self._events += 1
        at = START_MS + self._events
        return filled(event_type) | {
            "event_id": str(UUID(int=(self.number << 96) | self._events)),
            "actor_id": actor,
            "occurred_at": at,
            "received_at": at,
            **said,
        }


def records(events: Iterable[Event], book: SchemaBook) -> list[Record]:
    """As they go into the log."""
    return [(_topic(event), encode(event, book), _key(event)) for event in events]


def _topic(event: Event) -> str:
    return TOPIC_OF[event["event_type"]].name


def _key(event: Mapping[str, str]) -> bytes:
    return event[TOPIC_OF[event["event_type"]].key].encode()
