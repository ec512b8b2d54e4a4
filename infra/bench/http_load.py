"""HTTP at a server: the load generator, and servers that peers are."""

import hashlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from infra.bench.peers import FOLDER
from infra.bench.versions import ROOT
from infra.bootstrap.servers import go_environment, go_program
from infra.cache import Cache

LOAD = ROOT / "infra" / "bench" / "load"
CONNECTIONS = 32
WARM_UP_S = 1.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What the load generator saw."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    answers: Mapping[str, int]
    began_ns: int = 0
    """Epoch: at an open rate the nth request was due n/rate seconds later."""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def loaded(
    targets: Sequence[Mapping[str, str]], seconds: float, rate: float = 0.0, good: str = "2"
) -> Answered:
    """Send these requests in turn for so long, over 32 connections: as fast as answers come, or at a rate.

    Raises RuntimeError when an answer's status does not begin with ``good``.
    """
    task = {
        "targets": [dict(one) for one in targets],
        "seconds": seconds,
        "connections": CONNECTIONS,
        "rate": rate,
    }
    with tempfile.TemporaryDirectory(prefix="reelfold-bench-") as folder:
        file = Path(folder) / "task.json"
        file.write_text(json.dumps(task), "utf-8")
        command = [str(built(LOAD)), str(file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=True)
    said: dict[str, Any] = json.loads(done.stdout)
    bad = {status: number for status, number in said["answers"].items() if not status.startswith(good)}
    if bad or not said["requests"]:
        raise RuntimeError(f"{targets[0]['url']} answered {said['answers']}")
    return Answered(
        said["requests"], said["seconds"], said["p50_ms"], said["p99_ms"], said["answers"], said["began_ns"]
    )


def built(source: Path) -> Path:
    """A Go program of ours, built once for each text of its source."""
    cache = Cache.from_env(os.environ)
    files = sorted(source.iterdir()) if source.is_dir() else [source]
    text = hashlib.sha256(b"\0".join(one.read_bytes() for one in files)).hexdigest()
    target = cache.root / "peers" / f"{source.stem}-{text[:16]}"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        where, what = (source, ".") if source.is_dir() else (source.parent, source.name)
        words = [go_program(cache) or "go", "build", "-o", str(target), what]
        environment = {**os.environ, **go_environment(cache)}
        subprocess.run(words, cwd=where, env=environment, check=True, capture_output=True, timeout=300)
    return target


@contextmanager
def serving(command: Sequence[str], url: str, environment: Mapping[str, str]) -> Iterator[int]:
    """A peer's server while it is measured; its pid. Waits until it answers anything at all."""
    place = {**os.environ, "PYTHONPATH": str(FOLDER), **environment}
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(command, cwd=FOLDER, env=place, stdout=said, stderr=said)
        try:
            deadline = time.monotonic() + 30
            while not _answers(url):
                if child.poll() is not None or time.monotonic() > deadline:
                    said.seek(0)
                    raise RuntimeError(f"{command[0]} does not serve: {said.read()[-1500:].decode()}")
                time.sleep(0.05)
            yield child.pid
        finally:
            child.terminate()
            child.wait(20)


def _answers(url: str) -> bool:
    try:
        httpx.get(url, timeout=1.0, trust_env=False)
    except httpx.HTTPError:
        return False
    return True
