"""One partition of the log, as far as a consumer has to know it to find a place in it."""

from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.folding.progress import Key

ANSWER_S = 5.0
"""How long a broker may take to say where a partition begins and ends."""


@dataclass(frozen=True, slots=True)
class ConsumerLog:
    """A LogView over a consumer."""

    consumer: Consumer
    key: Key
    low: int
    high: int

    def offset_at(self, appended_at: int) -> int:
        """The first offset appended at this time or later; `high` when none is."""
        asked = [TopicPartition(*self.key, max(appended_at, 0))]
        (found,) = self.consumer.offsets_for_times(asked, timeout=ANSWER_S)
        if found.error is not None:  # the offset is then the time that was asked about
            raise KafkaException(found.error)
        return self.high if found.offset < 0 else int(found.offset)


def view(consumer: Consumer, key: Key, patience_s: float = ANSWER_S) -> ConsumerLog:
    """The partition as the brokers know it now; raises KafkaException."""
    bounds = consumer.get_watermark_offsets(TopicPartition(*key), timeout=patience_s)
    if bounds is None:
        raise KafkaException("the broker did not say where the partition begins")
    return ConsumerLog(consumer, key, *bounds)
