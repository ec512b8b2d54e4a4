"""The stage: the API over memory twins."""

from pathlib import Path

import pytest

from tests.api.stage import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A fresh application with nothing told."""
    return Stage(tmp_path)
