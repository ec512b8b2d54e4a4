"""The process: how it starts, how it ends, and what it says."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.cache import PROJECT
from tests.api.wire import DATE, get
from tests.stack import free_ports

_PROGRAM = """
import asyncio, sys
from api import serve
from infra.telemetry import configure

class Held:
    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            print("closed", flush=True)
            await send({"type": "lifespan.shutdown.complete"})
            return
        print("asked", flush=True)
        await asyncio.sleep(float(scope["path"][1:]))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

configure("info", "api")
serve.GRACE_S = 1
serve.server(Held(), "127.0.0.1", int(sys.argv[1])).run()
print("ended", flush=True)
"""


class Process:
    """A server in a process of its own."""

    def __init__(self, run: subprocess.Popen[str], port: int) -> None:
        self.run = run
        self.port = port

    def client(self) -> socket.socket:
        deadline = time.monotonic() + 10
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), 5)
            except ConnectionRefusedError:
                assert self.run.poll() is None and time.monotonic() < deadline
                time.sleep(0.02)

    def asked(self) -> None:
        assert self.run.stdout is not None
        assert self.run.stdout.readline() == "asked\n"

    def end(self) -> tuple[int, str, str]:
        out, err = self.run.communicate(timeout=10)
        return self.run.returncode, out, err


@contextmanager
def process() -> Iterator[Process]:
    (port,) = free_ports(1)
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT,
    ) as run:  # fmt: skip
        try:
            yield Process(run, port)
        finally:
            run.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_answers_what_was_asked_then_closes_the_application(number: int) -> None:
    with process() as at, at.client() as client, at.client() as idle:
        client.sendall(get("/0.6"))
        at.asked()
        at.run.send_signal(number)
        assert idle.recv(100) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", at.port), 1)
        heard = b"".join(iter(lambda: client.recv(1_000), b""))
        assert heard.endswith(b"ok") and b"connection: close" in heard
        assert at.end() == (0, "closed\nended\n", "")


def test_a_request_without_end_does_not_keep_it() -> None:
    with process() as at, at.client() as client:
        client.sendall(get("/600", "Authorization: Bearer a.very.secret"))
        at.asked()
        began = time.monotonic()
        at.run.terminate()
        code, out, err = at.end()
        assert (code, out) == (0, "closed\nended\n")
        assert 0.9 < time.monotonic() - began < 5
        assert "timeout graceful shutdown exceeded" in err and "secret" not in err


def test_of_a_request_it_says_nothing_and_sends_the_date_and_no_other_header_of_its_own() -> None:
    with process() as at, at.client() as client:
        client.sendall(get("/0"))
        heard = client.recv(1_000)
        assert DATE.subn(b"", heard) == (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 1)
        client.sendall(b"nonsense\r\n\r\n")
        client.recv(1_000)
        at.run.terminate()
        assert at.end()[2] == ""


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    environment = {**os.environ, "REELFOLD_DATA": str(tmp_path), "REELFOLD_API_PORT": "tcp://10.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-m", "api.serve"], capture_output=True, text=True, timeout=60, env=environment,
        cwd=PROJECT, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("api: REELFOLD_API_PORT") and "Traceback" not in done.stderr
