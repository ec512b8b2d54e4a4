"""Make what the parts expect to find: topics, schemas, buckets, tables. Safe to run again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import KafkaException
from minio.error import MinioException
from urllib3.exceptions import HTTPError

from infra.clickhouse.migrate import MigrationError, migrate
from infra.clients import s3_client
from infra.kafka.refusal import admin_client
from infra.provision.acls import ensure_acls
from infra.provision.buckets import ensure_buckets
from infra.provision.topics import WrongPartitions, ensure_topics
from infra.registry import IncompatibleSchema, RegistryUnavailable, ensure, save_book
from infra.settings import InvalidSettings, Settings
from infra.stack.kept import kept
from infra.telemetry import Log

_LOG = Log("infra")


class ProvisionFailed(Exception):
    """A step could not be done; the message names it and says why."""


def provision(settings: Settings) -> None:
    """Run every step, side by side; raises ProvisionFailed with the first reason."""
    with ThreadPoolExecutor(len(STEPS)) as pool:
        running = {name: pool.submit(step, settings) for name, step in STEPS.items()}
    for name, future in running.items():
        error = future.exception()
        if isinstance(error, EXPECTED):
            raise ProvisionFailed(f"provisioning {name} failed: {error}") from error
        _LOG.info("provisioned", step=name, made=future.result())  # raises what nobody expected


def one_step(settings: Settings, name: str) -> list[str]:
    """Run one of the steps; what it made. Raises ProvisionFailed."""
    try:
        return STEPS[name](settings)
    except EXPECTED as error:
        raise ProvisionFailed(f"provisioning {name} failed: {error}") from error


def topics(settings: Settings) -> list[str]:
    """The topics made, and the ACLs that changed."""
    with admin_client(settings) as admin:
        made = ensure_topics(admin, replication=settings.kafka_replication)
        return made + ensure_acls(admin, settings)


def schemas(settings: Settings) -> list[str]:
    """The event types in the registry, and the book of their ids in the data folder."""
    return sorted(save_book(settings, ensure(settings)).newest)


def buckets(settings: Settings) -> list[str]:
    """The buckets made."""
    return ensure_buckets(s3_client(settings), settings)


def tables(settings: Settings) -> list[str]:
    """The migrations applied, to the generation of these settings and to those kept beside it."""
    address = urlsplit(settings.clickhouse_url)
    client = clickhouse_connect.get_client(
        host=address.hostname,
        port=address.port or 8123,
        secure=address.scheme == "https",
        ca_cert=settings.ca_file or None,
        username=settings.clickhouse_user,
        password=settings.clickhouse_password.get_secret_value(),
    )
    try:
        return [
            name
            for generation in sorted({settings.generation, *kept(settings.data, settings.generation)})
            for name in migrate(client, generation, settings.clickhouse_database)
        ]
    finally:
        client.close()


STEPS: dict[str, Callable[[Settings], list[str]]] = {
    "topics": topics,
    "schemas": schemas,
    "buckets": buckets,
    "tables": tables,
}
EXPECTED = (
    KafkaException,
    WrongPartitions,
    RegistryUnavailable,
    IncompatibleSchema,
    MinioException,
    HTTPError,
    ClickHouseError,
    MigrationError,
    InvalidSettings,
    TimeoutError,
)
"""What a step raises when its server is not there or refuses: said plainly, without a traceback."""
