"""Three brokers that are controllers too (KRaft), every partition on all of them, two of which must confirm.

What a production cluster does when brokers die is seen on one machine; heaps are small and dead brokers are
noticed after three seconds instead of nine, so that a case takes a minute.
"""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from confluent_kafka.admin import AdminClient, PartitionMetadata  # type: ignore[attr-defined]

from infra.cache import Cache
from infra.chaos.doors import DEADLINE_S
from infra.chaos.environment import free_ports
from infra.chaos.ground import Ground
from infra.kafka.config import connection
from infra.settings import PREFIX, Settings
from infra.stack.health import KafkaProbe
from infra.stack.part import Part
from schemas.topics import BY_NAME

NODES = (1, 2, 3)
_PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/log
auto.create.topics.enable=false
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
replica.lag.time.max.ms=5000
num.network.threads=2
num.io.threads=4
"""
_JAVA = ("java", "-Djava.awt.headless=true", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp")


def broker(node: int) -> str:
    """The name of a node's part."""
    return "kafka" if node == 1 else f"kafka-{node}"


class ThreeBrokers(Ground):
    """The stack on three brokers instead of one."""

    def __init__(self) -> None:
        self._ports, self._controllers = free_ports(3), free_ports(3)
        bootstrap = ",".join(f"127.0.0.1:{port}" for port in self._ports)
        super().__init__(
            {
                "REELFOLD_KAFKA_BOOTSTRAP": bootstrap,
                "REELFOLD_KAFKA_REPLICATION": "3",
                "REELFOLD_PRODUCE_DEADLINE_S": str(DEADLINE_S),
            }
        )

    def table(self) -> tuple[Part, ...]:
        plain = {name: value for name, value in self.environment.items() if not name.startswith(PREFIX)}
        brokers = [part for node in NODES for part in self._parts_of(node, plain)]
        others = [part for part in super().table() if not part.name.startswith("kafka")]
        every = tuple(broker(node) for node in NODES)
        return (
            *brokers,
            *(replace(one, after=(*one.after, *every)) if one.name == "provision" else one for one in others),
        )

    def _parts_of(self, node: int, environment: Mapping[str, str]) -> tuple[Part, Part]:
        folder = self.data / f"kafka-{node}"
        properties, jars = folder / "server.properties", Cache.from_env(os.environ).kafka_jars
        port, controller = self._ports[node - 1], self._controllers[node - 1]
        text = _PROPERTIES.format(
            node=node,
            voters=",".join(f"{n}@127.0.0.1:{self._controllers[n - 1]}" for n in NODES),
            port=port,
            controller=controller,
            folder=folder,
        )
        java = (*_JAVA, f"{jars}/*")
        form = ("kafka.tools.StorageTool", "format", "-t", "cmVlbGZvbGQtdGhyZWUtMA", "-c", str(properties))
        formatting = Part(
            name=f"{broker(node)}-format",
            command=(*java, *form),
            ready=None,
            environment=environment,
            prepare=lambda: _write(properties, text),
            done=(folder / "log" / "meta.properties").exists,
        )
        running = Part(
            name=broker(node),
            command=(
                "java",
                "-Xms128m",
                "-Xmx256m",
                "-XX:+UseSerialGC",
                *java[1:],
                "kafka.Kafka",
                str(properties),
            ),
            ready=KafkaProbe("127.0.0.1", port),
            after=(formatting.name,),
            environment=environment,
            listens=(("127.0.0.1", port), ("127.0.0.1", controller)),
            start_s=120.0,
            stop_s=20.0,
        )
        return formatting, running


def leaders(settings: Settings) -> Counter[int]:
    """How many of our partitions each node leads; -1: nobody does."""
    return Counter(one.leader for one in _partitions(settings))


def in_sync(settings: Settings) -> int:
    """How many copies the partition has that has fewest."""
    return min(len(one.isrs) for one in _partitions(settings))


def _partitions(settings: Settings) -> list[PartitionMetadata]:
    topics = AdminClient(connection(settings)).list_topics(timeout=10).topics
    return [one for name in BY_NAME if name in topics for one in topics[name].partitions.values()]


def _write(properties: Path, text: str) -> None:
    properties.parent.mkdir(parents=True, exist_ok=True)
    properties.write_text(text, "utf-8")
