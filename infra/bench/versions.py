"""What a peer or a floor is a version of: its own list of packages, or what it is run with here."""

import re
import subprocess
from functools import cache
from importlib.metadata import version as installed
from pathlib import Path

from infra.cache import KAFKA

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "tests" / "bench" / "peers"
_PINNED = re.compile(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", re.MULTILINE)
_ARTIFACT = re.compile(r"<artifactId>(kafka-streams|avro|jedis)</artifactId>\s*<version>([\w.]+)</version>")
_CLIENTS = ("confluent-kafka", "fastavro", "redis")
_PACKAGES = {
    "stock_faust": ("faust-streaming", "fastavro", "redis"),
    "bare_loop": _CLIENTS,
    "bare_both": (*_CLIENTS, "clickhouse-connect"),
    "clickhouse_json": ("confluent-kafka", "fastavro", "clickhouse-connect"),
    "clickhouse_rows": ("confluent-kafka", "fastavro", "clickhouse-connect"),
    "the same Arrow batches": ("pyarrow", "clickhouse-connect"),
    "fetch and decode": ("confluent-kafka", "polars"),
    "bare producer": ("confluent-kafka",),
}
"""Of peers without an environment of their own, and of floors: packages of this one."""


def version(contender: str) -> str:
    """Names and versions, as "quixstreams 3.28.1"; "" where there is nothing to be named."""
    name = re.sub(r" x\d+$", "", contender)
    for file in (PEERS / f"{name}.txt", PEERS / f"{name}_ingest.txt", PEERS / f"{name}_feed.txt"):
        if file.exists():
            return _told(_PINNED.findall(file.read_text("utf-8")))
    if (pom := PEERS / name / "pom.xml").exists():
        return _told(_ARTIFACT.findall(pom.read_text("utf-8")))
    if name.startswith("Java"):
        return f"Kafka {KAFKA}"
    if name.startswith("Go"):
        return _said("go", "version")
    if "ffmpeg" in name or "rung" in name:
        return _said("ffmpeg", "-version")
    return _told([(one, installed(one)) for one in _PACKAGES.get(name, ())])


def _told(found: list[tuple[str, str]]) -> str:
    return ", ".join(f"{package} {number}" for package, number in found)


@cache
def _said(program: str, word: str) -> str:
    """The first line of what a program says of itself, down to its number."""
    try:
        text = subprocess.run([program, word], capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""
    number = re.search(r"(?:go|version )(\d[\w.]*)", text)
    return f"{program} {number[1]}" if number else ""
