"""The parts that are not ours: Kafka, Redis, the S3 server, the schema registry."""

from pathlib import Path
from urllib.parse import urlsplit

from infra.cache import Cache
from infra.settings import Settings
from infra.stack.certificates import authority, certificate, private_key
from infra.stack.health import HttpProbe, KafkaProbe, RedisProbe
from infra.stack.kafka_secure import format_arguments, secure_properties, write_format_arguments
from infra.stack.part import Part
from infra.stack.secret_file import write_private

_KAFKA = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/log
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.retention.check.interval.ms=60000
"""
_REDIS = """\
bind {host}
{doors}
dir {folder}
appendonly yes
appendfsync everysec
auto-aof-rewrite-min-size 256mb
maxmemory-policy noeviction
save ""
daemonize no
requirepass {password}
"""
# One node: keep the collector's threads few, and compile no harder than a short life repays.
_JAVA = ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
_LOGGING = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"


def kafka_parts(settings: Settings, cache: Cache, host_environment: dict[str, str]) -> tuple[Part, ...]:
    """The broker, and before it the task that formats its folder once."""
    host, port = address(settings.kafka_bootstrap)
    folder = settings.data / "kafka"
    properties = folder / "server.properties"
    text = _KAFKA.format(host=host, port=port, controller=settings.kafka_controller_port, folder=folder)
    java = (*_JAVA, _LOGGING, "-cp", f"{cache.kafka_jars}/*")
    # A fixed id: the folder itself tells this cluster from another.
    form = ("kafka.tools.StorageTool", "format", "-g", "-t", "cmVlbGZvbGQtc3RhY2stMA", "-c", str(properties))

    def prepare() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_private(properties, secure_properties(text, settings) if settings.stack_tls else text)

    def prepare_format() -> None:
        prepare()
        if settings.stack_tls:
            write_format_arguments((*java[1:], *form), settings)

    secret_form = (java[0], f"@{format_arguments(settings)}")
    formatting = Part(
        name="kafka-format",
        command=secret_form if settings.stack_tls else (*java, *form),
        ready=None,
        environment=host_environment,
        prepare=prepare_format,
        done=(folder / "log" / "meta.properties").exists,
    )
    broker = Part(
        name="kafka",
        # Kafka earns the full compiler and a heap of its own; pages of the log live in the page cache.
        command=("java", "-Xms256m", "-Xmx512m", "-XX:+UseG1GC", *java[3:], "kafka.Kafka", str(properties)),
        ready=KafkaProbe(host, port, settings.ca_file if settings.stack_tls else ""),
        after=("kafka-format",),
        environment=host_environment,
        listens=((host, port), ("127.0.0.1", settings.kafka_controller_port)),
        prepare=prepare,
        url=settings.kafka_bootstrap,
        start_s=120.0,
        stop_s=20.0,
    )
    return formatting, broker


def redis_part(settings: Settings, host_environment: dict[str, str]) -> Part:
    """Redis with nothing evicted and every second on disk."""
    parts = urlsplit(settings.redis_url.get_secret_value())
    host, port = parts.hostname or "127.0.0.1", parts.port or 6379
    folder = settings.data / "redis"
    file = folder / "redis.conf"

    def prepare() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        doors = _redis_doors(settings, port)
        text = _REDIS.format(host=host, doors=doors, folder=folder, password=parts.password)
        write_private(file, text)

    return Part(
        name="redis",
        command=("redis-server", str(file)),
        ready=RedisProbe(host, port, file, settings.ca_file if settings.stack_tls else ""),
        environment=host_environment,
        listens=((host, port),),
        prepare=prepare,
        url=f"{parts.scheme}://{host}:{port}",
    )


def s3_part(settings: Settings, cache: Cache, host_environment: dict[str, str]) -> Part:
    """versitygw over a folder; objects and versions are siblings, since it refuses a common prefix."""
    host, port = address(settings.s3_endpoint)
    folder = settings.data / "s3"
    objects, users = folder / "objects", folder / "iam"
    scheme = "https" if settings.stack_tls else "http"
    own, key = certificate(settings.data, "s3"), private_key(settings.data, "s3")

    def prepare() -> None:
        for path in (objects, users):
            path.mkdir(parents=True, exist_ok=True)

    return Part(
        name="s3",
        command=(
            *(str(cache.versitygw), "--port", f"{host}:{port}", "--region", settings.s3_region),
            *("--iam-dir", str(users), "--cors-allow-origin", "*"),
            *(("--cert", str(own), "--key", str(key)) if settings.stack_tls else ()),
            *("--keep-alive", "--quiet", "--health", "/health", "posix", str(objects)),
        ),
        ready=HttpProbe(f"{scheme}://{host}:{port}/health", settings.ca_file),
        environment={
            **host_environment,
            "ROOT_ACCESS_KEY": settings.s3_access_key.get_secret_value(),
            "ROOT_SECRET_KEY": settings.s3_secret_key.get_secret_value(),
        },
        listens=((host, port),),
        prepare=prepare,
        url=f"{scheme}://{host}:{port}",
    )


def registry_part(settings: Settings, cache: Cache, host_environment: dict[str, str]) -> Part:
    """Apicurio with its database in a file."""
    parts = urlsplit(settings.registry_url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    folder = settings.data / "registry"
    return Part(
        name="registry",
        command=(
            *(*_JAVA, "-Xmx256m", f"-Dquarkus.http.host={host}", *_registry_doors(settings, port)),
            f"-Dquarkus.datasource.jdbc.url=jdbc:h2:file:{folder}/registry;WRITE_DELAY=0",
            *("-jar", str(cache.apicurio_jar)),
        ),
        ready=HttpProbe(f"{parts.scheme}://{host}:{port}/health/ready", settings.ca_file),
        environment=host_environment,
        listens=((host, port),),
        prepare=lambda: _make(folder),
        url=f"{parts.scheme}://{host}:{port}",
    )


def address(host_and_port: str) -> tuple[str, int]:
    """The two halves of host:port."""
    host, _, port = host_and_port.rpartition(":")
    return host, int(port)


def _redis_doors(settings: Settings, port: int) -> str:
    """Over TLS only, or without; clients show a password, not certificates."""
    if not settings.stack_tls:
        return f"port {port}"
    own, key = certificate(settings.data, "redis"), private_key(settings.data, "redis")
    files = f"tls-cert-file {own}\ntls-key-file {key}\ntls-ca-cert-file {authority(settings.data)}"
    return f"port 0\ntls-port {port}\n{files}\ntls-auth-clients no"


def _registry_doors(settings: Settings, port: int) -> tuple[str, ...]:
    if not settings.stack_tls:
        return (f"-Dquarkus.http.port={port}",)
    own, key = certificate(settings.data, "registry"), private_key(settings.data, "registry")
    return (
        f"-Dquarkus.http.ssl-port={port}",
        "-Dquarkus.http.insecure-requests=disabled",
        f"-Dquarkus.http.ssl.certificate.files={own}",
        f"-Dquarkus.http.ssl.certificate.key-files={key}",
    )


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
