"""Topics as schemas/topics.py has them. A topic that stands keeps its partitions, its config follows."""

import time
from collections.abc import Mapping, Sequence

# The package re-exports these without saying so in a way that mypy counts.
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from schemas.topics import TOPICS, Topic

TIMEOUT_S = 30.0


class WrongPartitions(Exception):
    """A topic stands with another number of partitions: changing it would move keys between them."""


def ensure_topics(admin: AdminClient, topics: Sequence[Topic] = TOPICS, replication: int = 1) -> list[str]:
    """Create what is missing and bring the configuration of the rest up; the names created.

    Of ``replication`` copies all but one must hold what is confirmed: one broker may be gone at a time.
    Raises WrongPartitions before it changes anything, and KafkaException.
    """
    standing = admin.list_topics(timeout=TIMEOUT_S).topics
    for topic in topics:
        if topic.name in standing and len(standing[topic.name].partitions) != topic.partitions:
            held = len(standing[topic.name].partitions)
            raise WrongPartitions(
                f"{topic.name} has {held} partitions, the table says {topic.partitions}: the key decides the "
                "partition, so this never changes in place"
            )
    missing = [topic for topic in topics if topic.name not in standing]
    _create(admin, missing, replication)
    _configure(admin, [topic for topic in topics if topic.name in standing], replication)
    return [topic.name for topic in missing]


def topic_config(topic: Topic, replication: int = 1) -> dict[str, str]:
    """The broker's configuration of a topic. Time is the broker's: folds take their clock from it."""
    return {
        "min.insync.replicas": str(max(1, replication - 1)),
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": str(topic.retention_ms),
        "retention.bytes": "-1",
        "cleanup.policy": "delete",
        **topic.config,
    }


def _create(admin: AdminClient, topics: Sequence[Topic], replication: int) -> None:
    wanted = [
        NewTopic(topic.name, topic.partitions, replication, config=topic_config(topic, replication))
        for topic in topics
    ]
    if wanted:
        for future in admin.create_topics(wanted, operation_timeout=TIMEOUT_S).values():
            future.result()
        _await_listed(admin, {topic.name for topic in topics})


def _await_listed(admin: AdminClient, names: set[str]) -> None:
    """A broker says yes to a topic a moment before its listings know it; the next caller wants both."""
    deadline = time.monotonic() + TIMEOUT_S
    while not names <= admin.list_topics(timeout=TIMEOUT_S).topics.keys():
        if time.monotonic() > deadline:
            raise TimeoutError(f"topics made but not listed after {TIMEOUT_S:.0f} s: {sorted(names)}")
        time.sleep(0.05)


def set_timestamps(admin: AdminClient, names: Sequence[str], kind: str) -> None:
    """Let these topics keep the time that records bring (CreateTime) or stamp their own (LogAppendTime)."""
    _alter(admin, {name: {"message.timestamp.type": kind} for name in names})


def _configure(admin: AdminClient, topics: Sequence[Topic], replication: int) -> None:
    _alter(admin, {topic.name: topic_config(topic, replication) for topic in topics})


def _alter(admin: AdminClient, wanted: Mapping[str, Mapping[str, str]]) -> None:
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            topic,
            incremental_configs=[
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, value in config.items()
            ],
        )
        for topic, config in wanted.items()
    ]
    if resources:
        for future in admin.incremental_alter_configs(resources).values():
            future.result()
