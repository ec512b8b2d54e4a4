"""Peers: small programs under tests/bench/peers, each in a virtual environment with what it asks for."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from infra.bench.measure import Sample, cpu_of
from infra.bench.versions import ROOT
from infra.bootstrap.servers import copying, maven
from infra.cache import Cache

FOLDER = ROOT / "tests" / "bench" / "peers"
LONGEST_S = 600.0


def python_of(peer: str, cache: Cache) -> str:
    """The interpreter of a peer: its own environment where it lists packages, else this one's."""
    wanted = FOLDER / f"{peer}.txt"
    if not wanted.exists():
        return sys.executable
    home = cache.root / "peers" / f"{peer}-{sha256(wanted.read_bytes()).hexdigest()[:12]}"
    interpreter = home / "bin" / "python"
    if not (home / "whole").exists():
        tool = cache.program("uv") or "uv"
        _run([tool, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)])
        _run([tool, "pip", "install", "--quiet", "--python", str(interpreter), "-r", str(wanted)])
        (home / "whole").touch()
    return str(interpreter)


def java_of(peer: str, cache: Cache) -> list[str]:
    """The command of a peer in Java: its jars fetched and its one class compiled where that was not done."""
    source = FOLDER / peer
    files = sorted(source.iterdir())
    home = cache.root / "peers" / f"{peer}-{sha256(b''.join(map(Path.read_bytes, files))).hexdigest()[:12]}"
    jars, classes = home / "jars", home / "classes"
    if not (home / "whole").exists():
        _run([*maven(cache), "-f", str(source / "pom.xml"), *copying(jars)])
        _run(["javac", "-cp", f"{jars}/*", "-d", str(classes), *map(str, source.glob("*.java"))])
        (home / "whole").touch()
    (main,) = (one.stem for one in source.glob("*.java"))
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
    return ["java", quiet, "-cp", f"{classes}{os.pathsep}{jars}/*", main]


def measured(command: Sequence[str], task: Mapping[str, Any], servers: Mapping[str, int]) -> Sample:
    """Run a program on a task; its own report, and what the servers spent meanwhile."""
    with tempfile.TemporaryDirectory(prefix="reelfold-bench-") as folder:
        file = Path(folder) / "task.json"
        file.write_text(json.dumps(task), "utf-8")
        before = {name: cpu_of(pid) for name, pid in servers.items()}
        done = subprocess.run(
            [*command, str(file)], capture_output=True, text=True, timeout=LONGEST_S, check=False, cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(FOLDER), str(ROOT)))},
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} fails: {done.stderr[-2000:]}")
    said = json.loads(done.stdout.splitlines()[-1])
    spent = {name: cpu_of(pid) - before[name] for name, pid in servers.items()}
    return Sample(int(said["events"]), float(said["seconds"]), spent | {"itself": float(said["cpu_s"])})


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} fails: {done.stderr[-1000:]}")
