"""The case `upgrade` starts the next version's API as this one's is started, whatever serves it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.chaos.upgrade_cases import NEXT_API, UpgradeGround, _Newer


@pytest.fixture
def ground() -> Iterator[UpgradeGround]:
    made = UpgradeGround()
    yield made
    made.close()


def test_the_next_version_s_api_differs_by_its_source_and_its_port(
    ground: UpgradeGround, tmp_path: Path
) -> None:
    _Newer(ground, tmp_path)
    now, following = ground.parts["api"], ground.parts[NEXT_API]
    pairs = [pair for pair in zip(now.command, following.command, strict=True) if pair[0] != pair[1]]
    assert pairs == [(str(ground.settings.api_port), str(following.listens[0][1]))]
    assert following.environment["PYTHONPATH"] == str(tmp_path)
    assert following.environment["PYTHONSAFEPATH"] == "1"
