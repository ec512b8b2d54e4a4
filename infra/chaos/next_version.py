"""Another version of this product, made from this one: what an upgrade case rolls out beside it.

A copy of the source with the changes that a release brings most often: an event type gets a field, a fold
another rule, a table another column. Each change is made where a developer would make it, and the copy's
own checks (schema evolution, generated types) run on it.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from infra.chaos.waiting import CaseFailed

SOURCE = Path(__file__).resolve().parents[2]
ROOMS = ("schemas", "projections", "streams", "api", "infra")
FIELD = {"name": "campaign", "type": "string", "default": "", "doc": "What the link was shared for."}
RULE = ('"video.shared": 40', '"video.shared": 80')
"""Trending weighs a share twice as much."""
COLUMN = """ALTER TABLE ${database}.events_g${g} ADD COLUMN IF NOT EXISTS campaign LowCardinality(String)
    DEFAULT '' COMMENT 'What the link was shared for.';
"""


def write_next_version(target: Path) -> Path:
    """The next version's source tree in this folder. Raises CaseFailed when this version has changed so
    much that the changes find no place."""
    for room in ROOMS:
        shutil.copytree(SOURCE / room, target / room, ignore=shutil.ignore_patterns("__pycache__"))
    _new_field(target / "schemas" / "avro")
    _new_rule(target / "projections" / "trending" / "fold.py")
    _new_column(target / "infra" / "clickhouse")
    for command in (["schemas.evolution", "--publish"], ["schemas.generate"]):
        _run(target, command)
    return target


def _new_field(folder: Path) -> None:
    schema = json.loads((folder / "video_shared.v1.avsc").read_text("utf-8"))
    schema["fields"].append(FIELD)
    (folder / "video_shared.v2.avsc").write_text(json.dumps(schema, indent=1), "utf-8")


def _new_rule(fold: Path) -> None:
    text = fold.read_text("utf-8")
    if text.count(RULE[0]) != 1:
        raise CaseFailed(f"{fold.name} no longer says {RULE[0]}: give the upgrade another rule to change")
    fold.write_text(text.replace(*RULE), "utf-8")


def _new_column(folder: Path) -> None:
    numbers = [int(path.name[:4]) for path in folder.iterdir() if re.match(r"\d{4}_", path.name)]
    (folder / f"{max(numbers) + 1:04d}_campaign.sql").write_text(COLUMN, "utf-8")


def _run(target: Path, words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=target, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise CaseFailed(f"{' '.join(words)} fails on the next version: {done.stdout}{done.stderr}")
