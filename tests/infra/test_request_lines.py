"""The line of every request is the one that structlog would write."""

import json
import subprocess
import sys

import pytest

_SAID = """
from infra.telemetry import Log, configure
configure({level!r}, "api")
for write in (Log("api").info, Log("api").often):
    write("request_served", request_id='a "b" \\u00fc', status=200, ms=1.5, route=None)
"""


@pytest.mark.parametrize("level", ["info", "debug", "warning"])
def test_a_frequent_line_is_as_any_other(level: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SAID.format(level=level)], capture_output=True, check=True, timeout=60
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert len(lines) == (0 if level == "warning" else 2)
    times = [line.pop("timestamp") for line in lines]
    assert len({json.dumps(line) for line in lines}) == min(1, len(lines))
    assert {(len(one), one[10], one[-1]) for one in times} <= {(27, "T", "Z")}
