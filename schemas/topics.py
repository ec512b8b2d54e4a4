"""The table of topics: what they carry, how they are keyed, how long they keep it.

Literal data, in one place. Partition counts are settings of a deployment (`partitions` below is what
one machine needs); once provisioned the count of a forever-topic never changes, because the key
decides the partition and the order within it.
"""

from dataclasses import dataclass, field

DAY_MS = 24 * 60 * 60 * 1000
FOREVER = -1
LETTER_BYTES = 4 * 1024 * 1024
"""What a dead letter may weigh: the largest message of any other topic (1 MiB), and what is said of it."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic. ``key`` is the event field that decides the partition."""

    name: str
    key: str
    events: tuple[str, ...]
    retention_ms: int = FOREVER
    partitions: int = 4
    lane: bool = True
    """Carried by the batch lane; the others are ordinary Faust topics or not consumed."""
    config: dict[str, str] = field(default_factory=dict)


TOPICS: tuple[Topic, ...] = (
    Topic("rf.identity.v1", "user_id", ("user.registered", "user.profile_updated")),
    Topic("rf.graph.v1", "actor_id", ("user.followed", "user.unfollowed")),
    Topic(
        "rf.video.v1",
        "video_id",
        (
            "video.upload_started",
            "video.uploaded",
            "video.validated",
            "video.rejected",
            "video.described",
            "video.published",
            "video.deleted",
        ),
    ),
    Topic(
        "rf.media.v1",
        "video_id",
        (
            "rendition.created",
            "playlist.created",
            "thumbnail.created",
            "transcode.completed",
            "transcode.failed",
        ),
    ),
    Topic("rf.media.jobs.v1", "video_id", ("transcode.requested",), 7 * DAY_MS, lane=False),
    Topic("rf.playback.v1", "actor_id", ("view.started", "view.ended")),
    Topic("rf.heartbeat.v1", "actor_id", ("view.heartbeat",), 3 * DAY_MS),
    Topic(
        "rf.engagement.v1",
        "actor_id",
        ("video.liked", "video.unliked", "video.shared", "comment.created", "comment.deleted"),
    ),
    Topic("rf.feed.v1", "actor_id", ("feed.served", "feed.impression"), 90 * DAY_MS),
    Topic(
        "rf.dlq.v1",
        "",
        (),
        30 * DAY_MS,
        lane=False,
        config={"max.message.bytes": str(LETTER_BYTES)},
    ),
    Topic(
        "rf.ops.v1",
        "run_id",
        (
            "replay.started",
            "replay.finished",
            "parity.checked",
            "generation.promoted",
            "generation.dropped",
            "deadletters.redriven",
            "deadletters.discarded",
            "backup.archived",
        ),
        partitions=1,
        lane=False,
    ),
)

BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}
TOPIC_OF: dict[str, Topic] = {event: topic for topic in TOPICS for event in topic.events}
DEAD_LETTERS = "rf.dlq.v1"
OPS = "rf.ops.v1"
JOBS = "rf.media.jobs.v1"
