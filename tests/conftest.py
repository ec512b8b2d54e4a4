"""Fixtures that start real servers; the servers themselves are in tests/stack.py."""

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from infra.settings import Settings
from tests.clickhouse_server.serving import Place, real_or_shared
from tests.stack import Servers

# No deadline: how long an example takes says more about the machine than about the code. The blob
# lets a failure be repeated from a log.
hypothesis.settings.register_profile("reelfold", deadline=None, print_blob=True)
hypothesis.settings.load_profile("reelfold")

WHOLE_STACKS = "tests/e2e/", "tests/chaos/"
"""Folders whose tests start whole stacks and wait for them: about half of the time."""


class Halves(LoadScopeScheduling):  # type: ignore[misc]
    """For two processes (`make test`), each with servers of its own. Which test runs where, and after which,
    is the same each time. Marks of groups do not do it: xdist 3.8 cannot see them in pytest 9."""

    def _split_scope(self, nodeid: str) -> str:
        return "stacks" if nodeid.startswith(WHOLE_STACKS) else "rest"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Halves:
    """Asked only with `-n`."""
    return Halves(config, log)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes name no test: those of `gzip` hold the second they were packed in, and two processes that start
    on either side of a second would collect different tests, which xdist refuses."""
    return argname if isinstance(val, bytes) else None


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
