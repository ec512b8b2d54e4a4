"""Placing a reader on the log. What it spares is a second, and no test is gated on a time: so a recorder."""

from typing import Any

from confluent_kafka import TopicPartition

from infra.kafka.reading import read_from


def test_a_reader_knows_the_topic_before_it_is_given_a_partition() -> None:
    heard: list[Any] = []

    class Recorder:
        def unassign(self) -> None:
            heard.append("nothing")

        def list_topics(self, topic: str, timeout: float) -> None:
            heard.append(topic)

        def assign(self, places: list[TopicPartition]) -> None:
            heard.extend((one.topic, one.partition, one.offset) for one in places)

    read_from(Recorder(), "rf.playback.v1", 3, 42)  # type: ignore[arg-type]
    assert heard == ["nothing", "rf.playback.v1", ("rf.playback.v1", 3, 42)]
