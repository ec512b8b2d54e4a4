"""A failpoint ends the process at the step, the place and the count that it names."""

import os
import subprocess
import sys

import pytest

from infra.failpoints import VARIABLE, parse, reach

_REACHES = """
from infra.failpoints import reach
for fold in ("feed", "seen", "feed"):
    reach("before_sink", fold)
    print(fold, flush=True)
    reach("after_sink", fold)
"""


def _run(fail_at: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", _REACHES],
        env=os.environ | {VARIABLE: fail_at},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.split()


@pytest.mark.parametrize(
    ("fail_at", "done"),
    [
        ("before_sink", []),
        ("after_sink", ["feed"]),
        ("after_sink:2", ["feed", "seen"]),
        ("before_sink@feed:2", ["feed", "seen"]),
        ("after_sink@seen=kill", ["feed", "seen"]),
    ],
)
def test_the_process_dies_where_it_is_told_to(fail_at: str, done: list[str]) -> None:
    assert _run(fail_at) == (-9, done)


def test_nothing_happens_where_nothing_is_asked_for() -> None:
    assert _run("") == (0, ["feed", "seen", "feed"])
    assert _run("after_sink:4") == (0, ["feed", "seen", "feed"])
    reach("after_sink")


@pytest.mark.parametrize("wrong", ["after_lunch", "after_sink:0", "after_sink:x", "after_sink=raise", ":3"])
def test_a_wrong_value_is_told_with_how_to_write_it(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"step\[@fold\]\[:count\].*before_sink, after_rows"):
        parse(wrong)
