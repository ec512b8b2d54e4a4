"""Real servers for tests, on free ports, started only when a test asks for them.

A test takes one of the fixtures of conftest.py; the session has at most one server of each kind, in a
data folder of its own, and nothing of it is left when the session ends.
"""

import os
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path

from infra.cache import Cache
from infra.settings import Settings
from infra.stack.part import Part
from infra.stack.process import Child
from infra.stack.secret_file import local_environment
from infra.stack.table import stack


class ServerFailed(Exception):
    """A server did not come up; the message ends with the last lines of its log."""


class Servers:
    """The session's servers. Asking for one starts it and waits until it is ready."""

    def __init__(self) -> None:
        self.data = Path(tempfile.mkdtemp(prefix="reelfold-test-"))
        self.environment = local_environment(stack_environment(self.data), create=True)
        self.settings = Settings.from_env(self.environment)
        self._parts = {part.name: part for part in stack(self.environment, Cache.from_env(os.environ))}
        self._running: dict[str, Child] = {}

    def start(self, *names: str) -> Settings:
        """Have these parts, and those that must run first, ready; the settings to reach them."""
        for name in names:
            part = self._parts[name]
            if name not in self._running:
                self.start(*part.after)
                self._running[name] = self._start(part)
        for name in names:
            self._await(self._parts[name])
        return self.settings

    def kill(self, name: str) -> None:
        """End a server as a power cut would."""
        child = self._running.pop(name)
        os.kill(child.pid, 9)
        child.wait(5.0)

    def stop(self) -> None:
        """Stop everything, the last started first, and remove the data."""
        for child in reversed(self._running.values()):
            child.ask_to_stop()
        for child in reversed(self._running.values()):
            child.wait(10.0)
        self._running.clear()
        shutil.rmtree(self.data, ignore_errors=True)

    def _start(self, part: Part) -> Child:
        part.prepare()
        return Child(part.command, part.environment, part.log(self.data))

    def _await(self, part: Part) -> None:
        child = self._running[part.name]
        deadline = time.monotonic() + part.start_s
        while not _is_ready(part, child):
            if child.code not in (None, 0) or time.monotonic() > deadline:
                said = part.log(self.data).read_text("utf-8", "replace")[-2000:]
                raise ServerFailed(f"{part.name} is not ready (exit code {child.code}):\n{said}")
            time.sleep(0.05)


def stack_environment(data: Path) -> dict[str, str]:
    """This process's environment, with a stack of its own: free ports and this data folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REELFOLD_")}
    kafka, controller, redis, s3, registry, clickhouse, api, web = free_ports(8)
    return kept | {
        "REELFOLD_CACHE": str(Cache.from_env(os.environ).root),
        "REELFOLD_DATA": str(data),
        "REELFOLD_KAFKA_BOOTSTRAP": f"127.0.0.1:{kafka}",
        "REELFOLD_KAFKA_CONTROLLER_PORT": str(controller),
        "REELFOLD_REGISTRY_URL": f"http://127.0.0.1:{registry}/apis/ccompat/v7",
        "REELFOLD_REDIS_URL": f"redis://127.0.0.1:{redis}/0",
        "REELFOLD_CLICKHOUSE_URL": f"http://127.0.0.1:{clickhouse}",
        "REELFOLD_S3_ENDPOINT": f"127.0.0.1:{s3}",
        "REELFOLD_API_PORT": str(api),
        "REELFOLD_WORKER_WEB_PORT": str(web),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different: held together while they are chosen."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


def _is_ready(part: Part, child: Child) -> bool:
    return child.code == 0 if part.ready is None else part.ready()
