from pathlib import Path

import pytest

from tests.media.clips import Clips


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(Path(tmp_path_factory.mktemp("clips")))
