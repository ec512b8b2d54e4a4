"""What a release stands on: one version, and a changelog that has room for the next."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
HEADING = re.compile(r"^## \[(Unreleased|\d+\.\d+\.\d+)\](?: - \d{4}-\d\d-\d\d)?$", re.MULTILINE)


def test_the_version_is_the_one_that_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert version(project["name"]) == project["version"]


def test_the_changelog_begins_with_what_is_not_released_yet() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    names = HEADING.findall(text)
    assert names[0] == "Unreleased"
    assert len(names) == text.count("\n## "), "a heading is neither Unreleased nor a version with its day"
    released = [tuple(map(int, name.split("."))) for name in names[1:]]
    assert released == sorted(set(released), reverse=True)


def test_the_last_release_is_this_version() -> None:
    released = HEADING.findall((ROOT / "CHANGELOG.md").read_text("utf-8"))[1:]
    assert not released or released[0] == version("reelfold")
