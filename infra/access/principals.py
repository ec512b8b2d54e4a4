"""Who shows which name to Kafka, and what each may do there. Data; infra/provision/acls.py makes it so.

The administrator and the brokers are super users: somebody must make the first ACL. Everybody else may do
what stands here and nothing more. A trusted producer writes to its own topics only; to read needs a grant
of its own, which a cluster's owner makes by hand.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from infra.settings import InvalidSettings
from schemas.topics import BY_NAME, DEAD_LETTERS, JOBS, OPS, TOPICS

ADMIN, BROKER = "reelfold-admin", "reelfold-broker"
API, WORKER = "reelfold-api", "reelfold-worker"
GROUPS = "reelfold."
"""Every consumer group of ours begins so."""
_OURS = frozenset([ADMIN, BROKER, API, WORKER])


@dataclass(frozen=True, slots=True)
class Grant:
    """One permission. To read or write a topic, or to read by a group, is to see it as well."""

    principal: str
    operation: Literal["READ", "WRITE"]
    kind: Literal["TOPIC", "GROUP"]
    name: str
    prefix: bool = False
    """All whose names begin with ``name``."""


def grants(producers: Mapping[str, Sequence[str]]) -> tuple[Grant, ...]:
    """Every permission there is, for our own parts and these trusted producers."""
    return (*_of_api(), *_of_worker(), *_of_producers(producers))


def trusted_producers(text: str) -> dict[str, tuple[str, ...]]:
    """The setting `name=topic,topic;name=topic` taken apart; raises InvalidSettings."""
    found: dict[str, tuple[str, ...]] = {}
    for part in filter(None, (one.strip() for one in text.split(";"))):
        name, _, listed = part.partition("=")
        topics = tuple(topic.strip() for topic in listed.split(",") if topic.strip())
        found[_checked(name.strip(), topics)] = topics
    return found


def _checked(name: str, topics: Sequence[str]) -> str:
    if not name or not topics:
        raise InvalidSettings("REELFOLD_KAFKA_PRODUCERS: write name=topic,topic;name=topic")
    if name in _OURS:
        raise InvalidSettings(f"REELFOLD_KAFKA_PRODUCERS: {name} is one of Reelfold's own principals")
    for topic in topics:
        if topic not in BY_NAME or topic in (OPS, DEAD_LETTERS):
            raise InvalidSettings(f"REELFOLD_KAFKA_PRODUCERS: {name} cannot write to {topic}: no event topic")
    return name


def _of_api() -> Iterator[Grant]:
    for topic in TOPICS:
        if topic.name not in (OPS, DEAD_LETTERS):
            yield Grant(API, "WRITE", "TOPIC", topic.name)


def _of_worker() -> Iterator[Grant]:
    for topic in TOPICS:
        if topic.lane or topic.name in (OPS, JOBS):
            yield Grant(WORKER, "READ", "TOPIC", topic.name)
    for name in ("rf.video.v1", "rf.media.v1", DEAD_LETTERS, OPS):
        yield Grant(WORKER, "WRITE", "TOPIC", name)
    yield Grant(WORKER, "READ", "GROUP", GROUPS, prefix=True)


def _of_producers(producers: Mapping[str, Sequence[str]]) -> Iterator[Grant]:
    for name, topics in producers.items():
        for topic in topics:
            yield Grant(name, "WRITE", "TOPIC", topic)
