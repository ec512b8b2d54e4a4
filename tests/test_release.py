"""What a release stands on: one version, and a changelog that has room for the next."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
HEADING = re.compile(r"^## \[(Unreleased|\d+\.\d+\.\d+)\](?: - \d{4}-\d\d-\d\d)?$", re.MULTILINE)
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
NAMES = HEADING.findall(CHANGELOG)


def test_the_changelog_begins_with_what_is_not_released_yet() -> None:
    assert NAMES[0] == "Unreleased"
    assert len(NAMES) == CHANGELOG.count("\n## "), (
        "a heading is neither Unreleased nor a version with its day"
    )


def test_the_last_release_is_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert NAMES[1:2] in ([], [project["version"]])


def test_releases_stand_newest_first() -> None:
    released = [tuple(map(int, name.split("."))) for name in NAMES[1:]]
    assert released == sorted(set(released), reverse=True)
