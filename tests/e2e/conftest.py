"""One supervised stack for all of these tests, of its own: its servers are killed and emptied."""

from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest

from infra.demo.client import Client
from infra.kafka.publisher import Publisher
from tests.e2e.supervised import Stack, complaints, started, stopped
from tests.e2e.town import client_of, publisher_of
from tests.e2e.watching import Film, filmed

STACK = pytest.StashKey[Stack]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of this folder is end to end."""
    here = Path(__file__).parent
    ours = [at for at, item in enumerate(items) if here in item.path.parents]
    for at in ours:
        items[at].add_marker(pytest.mark.e2e)
        items[at].add_marker(pytest.mark.servers)
    # The drill takes from the log what other tests fold from its start: it comes last.
    last = sorted((items[at] for at in ours), key=lambda item: item.path.name == "test_drill.py")
    for at, item in zip(ours, last, strict=True):
        items[at] = item


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that failed tells what the parts complained of: their logs go with the stack."""
    report = yield
    stack = item.session.stash.get(STACK, None)
    if report.failed and stack is not None:
        report.sections.append(("complaints of the stack", complaints(stack.data)))
    return report


@pytest.fixture(scope="package")
def full_stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """`reelfold up`: started for the first test of this folder, down after the last."""
    stack = request.session.stash[STACK] = started()
    try:
        yield stack
    finally:
        del request.session.stash[STACK]
        stopped(stack)


@pytest.fixture
async def client(full_stack: Stack) -> AsyncIterator[Client]:
    """HTTP to the API, and to ClickHouse as the analyst. The stack is well when it is handed out."""
    await full_stack.well()
    one = client_of(full_stack.settings)
    yield one
    await one.close()


@pytest.fixture
def trusted(full_stack: Stack) -> Iterator[Publisher]:
    """A service that writes to the log itself."""
    one = publisher_of(full_stack.settings)
    yield one
    one.close()


@pytest.fixture(scope="package")
def film(full_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Film:
    """A real clip: uploaded, encoded, published."""
    return filmed(full_stack, Path(tmp_path_factory.mktemp("film")))
