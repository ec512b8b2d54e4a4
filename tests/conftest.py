"""Fixtures that start real servers; the servers themselves are in tests/stack.py."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from infra.settings import Settings
from tests.clickhouse_server.serving import Place, real_or_shared
from tests.stack import Servers

# No deadline: how long an example takes says more about the machine than about the code. The blob
# lets a failure be repeated from a log.
hypothesis.settings.register_profile("reelfold", deadline=None, print_blob=True)
hypothesis.settings.load_profile("reelfold")

WHOLE_STACKS = "e2e", "chaos"
"""Folders whose tests start whole stacks and wait for them: about half of the time."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Halves for two processes (`make test`). Which test runs where, and after which, is the same each time;
    each process has servers of its own."""
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        item.add_marker(pytest.mark.xdist_group("stacks" if folder in WHOLE_STACKS else "rest"))


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The session's servers: `servers.start("redis", "s3")` gives the settings to reach them."""
    every = Servers()
    try:
        yield every
    finally:
        every.stop()


@pytest.fixture(scope="session")
def redis_url(servers: Servers) -> str:
    """A Redis with a password in its URL."""
    return servers.start("redis").redis_url.get_secret_value()


@pytest.fixture(scope="session")
def kafka_bootstrap(servers: Servers) -> str:
    """host:port of a broker without topics; `provisioned` has them."""
    return servers.start("kafka").kafka_bootstrap


@pytest.fixture(scope="session")
def s3_settings(servers: Servers) -> Settings:
    """Settings whose S3 fields reach a server, which has no buckets yet."""
    return servers.start("s3")


@pytest.fixture(scope="session")
def clickhouse(servers: Servers) -> Place:
    """A ClickHouse; with REELFOLD_CLICKHOUSE_URL set, any real server is held to the suite."""
    return real_or_shared(servers)


@pytest.fixture(scope="session")
def provisioned(servers: Servers) -> Settings:
    """Every server, with topics, schemas, buckets and tables."""
    return servers.start("provision")
