"""The supervisor on small parts of its own: starts gated, fails whole, restarts what dies."""

import contextlib
import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra.stack.health import HttpProbe
from infra.stack.part import Part
from infra.stack.preflight import NotReady
from infra.stack.secret_file import FILE, local_environment
from infra.stack.status import StackStatus, read_status
from infra.stack.supervisor import only_one
from infra.stack.watched import BACKOFF_S
from tests.stack import free_ports

SERVE = """
import http.server as h, os
class Handler(h.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/end":
            print("reelfold second: it is so", flush=True)
            os._exit(65)
        super().do_GET()
h.test(Handler, port={port}, bind="127.0.0.1")
"""
RUN = """
import sys, signal, pathlib
from infra.stack.supervisor import Supervisor
from tests.infra.test_supervisor import parts
one = Supervisor(parts(*map(int, sys.argv[2:])), pathlib.Path(sys.argv[1]))
signal.signal(signal.SIGTERM, one.stop)
sys.exit(one.run())
"""


def parts(first: int, second: int, code: int) -> tuple[Part, ...]:
    """Two servers and between them a task that ends with this code."""
    task = Part(
        "task", (sys.executable, "-c", f"raise SystemExit({code})"), None, ("first",), dict(os.environ)
    )
    return (_server("first", first, ()), task, _server("second", second, ("task",)))


def _server(name: str, port: int, after: tuple[str, ...]) -> Part:
    return Part(
        name,
        (sys.executable, "-c", SERVE.format(port=port)),
        HttpProbe(f"http://127.0.0.1:{port}/"),
        after,
        dict(os.environ),
        (("127.0.0.1", port),),
        final={65: "mend it by hand"},
    )


Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a supervisor on tmp_path; every one is ended after the test."""
    begun: list[subprocess.Popen[bytes]] = []

    def run(*numbers: int) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-c", RUN, str(tmp_path), *map(str, numbers)]
        begun.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        return begun[-1]

    yield run
    for process in begun:
        process.terminate()
        process.wait(20)


def _until(data: Path, holds: Callable[[StackStatus], Any]) -> StackStatus:
    deadline = time.monotonic() + 20
    while not holds(status := read_status(data)):
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    return status


def _pids(status: StackStatus) -> dict[str, int]:
    return {part.name: part.pid for part in status.parts if part.pid}


def test_a_part_that_dies_is_restarted_and_the_rest_keep_working(tmp_path: Path, start: Start) -> None:
    supervisor = start(*free_ports(2), 0)
    before = _pids(_until(tmp_path, lambda s: s.state == "ready"))
    os.kill(before["first"], signal.SIGKILL)
    _until(tmp_path, lambda s: s.state == "degraded" and "first" in s.message)
    after = _until(tmp_path, lambda s: s.state == "ready")
    assert _pids(after)["first"] != before["first"]
    assert _pids(after)["second"] == before["second"]
    assert {part.name: part.restarts for part in after.parts} == {"first": 1, "task": 0, "second": 0}
    supervisor.terminate()
    assert supervisor.wait(20) == 0
    assert read_status(tmp_path).state == "stopped"
    assert not any(psutil.pid_exists(pid) for pid in _pids(after).values())


def test_a_part_that_a_restart_cannot_mend_stays_down(tmp_path: Path, start: Start) -> None:
    first, second = free_ports(2)
    start(first, second, 0)
    before = _pids(_until(tmp_path, lambda s: s.state == "ready"))
    assert HttpProbe(f"http://127.0.0.1:{first}/")()
    with contextlib.suppress(http.client.HTTPException, OSError):
        urllib.request.urlopen(f"http://127.0.0.1:{second}/end", timeout=5)
    status = _until(tmp_path, lambda s: s.state == "degraded")
    part = status.parts[2]
    assert (part.state, part.pid, part.restarts) == ("halted", 0, 0)
    assert part.message == (
        "reelfold second: it is so. mend it by hand "
        f"(second ended with code 65; see {tmp_path}/logs/second.log)"
    )
    time.sleep(BACKOFF_S[0] * 3)
    after = read_status(tmp_path)
    assert after == status
    assert _pids(after)["first"] == before["first"]


def test_a_part_that_fails_while_starting_leaves_nothing_running(tmp_path: Path, start: Start) -> None:
    first, second = free_ports(2)
    assert start(first, second, 3).wait(20) == 1
    status = read_status(tmp_path)
    assert status.state == "failed"
    assert status.message == f"task ended with code 3 while starting; see {tmp_path}/logs/task.log"
    assert _pids(status) == {}
    assert not HttpProbe(f"http://127.0.0.1:{first}/")()


def test_a_port_in_use_is_named_before_anything_starts(tmp_path: Path, start: Start) -> None:
    first, second = free_ports(2)
    with socket.create_server(("127.0.0.1", second)):
        assert start(first, second, 0).wait(20) == 1
    assert f"port {second} on 127.0.0.1, which second needs, is in use" in read_status(tmp_path).message
    assert not (tmp_path / "logs").exists()


def test_parts_do_not_outlive_a_killed_supervisor(tmp_path: Path, start: Start) -> None:
    supervisor = start(*free_ports(2), 0)
    pids = _pids(_until(tmp_path, lambda s: s.state == "ready"))
    supervisor.kill()
    supervisor.wait(5)
    assert read_status(tmp_path).state == "failed"
    deadline = time.monotonic() + 10
    while any(psutil.pid_exists(pid) for pid in pids.values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(psutil.pid_exists(pid) for pid in pids.values())


def test_one_data_folder_has_one_supervisor(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(NotReady, match="already running"), only_one(tmp_path):
        pass


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    environ = {"REELFOLD_DATA": str(tmp_path), "REELFOLD_JWT_SECRET": "given"}
    first = local_environment(environ, create=True)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert local_environment(environ) == first == local_environment(environ, create=True)
    assert first["REELFOLD_JWT_SECRET"] == "given"
    kept = json.loads((tmp_path / FILE).read_text())
    assert len(set(kept.values())) == len(kept) == 8
    assert kept["redis_password"] in first["REELFOLD_REDIS_URL"]
