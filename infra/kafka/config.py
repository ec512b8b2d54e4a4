"""Settings -> librdkafka configuration: where the brokers are, and how one proves who one is."""

from typing import Any

from infra.settings import Settings

Config = dict[str, Any]


def connection(settings: Settings) -> Config:
    """What every Kafka client needs, TLS and SASL included."""
    config: Config = {
        "bootstrap.servers": settings.kafka_bootstrap,
        "security.protocol": settings.kafka_security,
        "client.id": "reelfold",
        # a broker that went away is asked again soon: recovery time is a published figure
        "reconnect.backoff.ms": 100,
        "reconnect.backoff.max.ms": 2_000,
        "log.connection.close": False,
        "log_level": 2,  # what goes wrong is told by error_cb, in our log
    }
    if authority := settings.kafka_ca_file or settings.ca_file:
        config["ssl.ca.location"] = authority
    if settings.kafka_security.startswith("SASL"):
        config["sasl.mechanism"] = settings.kafka_sasl_mechanism
        config["sasl.username"] = settings.kafka_username
        config["sasl.password"] = settings.kafka_password.get_secret_value()
    return config


def producer(settings: Settings) -> Config:
    """A producer whose yes means: on every in-sync replica, in order, once.

    It gives up on a message a little before the caller's deadline, so that the caller hears why.
    """
    deadline_ms = int(settings.produce_deadline_s * 1_000)
    return connection(settings) | {
        "acks": "all",
        "enable.idempotence": True,
        # the same partitioner as Java and aiokafka: a key has one partition, whoever writes
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "linger.ms": 1,
        "delivery.timeout.ms": max(deadline_ms - 500, deadline_ms // 2),
        "request.timeout.ms": max(min(deadline_ms // 2, 5_000), 10),
        "queue.buffering.max.messages": settings.produce_queue,
        "queue.buffering.max.kbytes": 131_072,
    }


def consumer(settings: Settings, group: str) -> Config:
    """A consumer that keeps its own positions and never jumps silently."""
    return connection(settings) | {
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
    }
