import itertools
from collections.abc import Iterator

import pytest

from infra.settings import Settings
from tests.streams.kafka import Log

_GROUPS = itertools.count()


@pytest.fixture(scope="session")
def log(kafka_bootstrap: str) -> Log:
    """The broker's log, topics made; tests share it, and begin at its ends."""
    return Log(Settings(kafka_bootstrap=kafka_bootstrap))


@pytest.fixture
def group() -> Iterator[str]:
    """A consumer group of the test's own."""
    yield f"test-{next(_GROUPS)}"
