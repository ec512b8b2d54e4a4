"""Starts the embedded server as a process of its own, the way the stack does."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import httpx

from infra.settings import Settings
from tests.stack import Servers

WRITER, READER = ("writer", "writing"), ("analyst", "reading")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ClickHouse server answers, and who may come in."""

    url: str
    writer: tuple[str, str] = WRITER
    reader: tuple[str, str] = READER

    def client(self, user: tuple[str, str] | None = None, **options: Any) -> Any:
        """A clickhouse_connect client that threads may share."""
        at = urlsplit(self.url)
        name, password = user or self.writer
        return clickhouse_connect.get_client(
            host=at.hostname, port=at.port, username=name, password=password,
            autogenerate_session_id=False, **options,
        )  # fmt: skip


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(
    path: Path, port: int, *options: str, passwords: tuple[str, str] = (WRITER[1], READER[1])
) -> subprocess.Popen[bytes]:
    """Start a server; it may not be ready yet."""
    environment = os.environ | {
        "REELFOLD_CLICKHOUSE_PASSWORD": passwords[0],
        "REELFOLD_CLICKHOUSE_READER_PASSWORD": passwords[1],
    }
    command = [sys.executable, "-m", "infra.clickhouse_server", "--path", str(path), "--port", str(port)]
    return subprocess.Popen([*command, *options], env=environment, stderr=subprocess.PIPE)


def wait_until_ready(url: str, within_s: float = 60.0) -> None:
    """Wait for /ping; raises TimeoutError."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/ping").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError(url)


@contextmanager
def served(path: Path, *options: str) -> Iterator[Place]:
    """A server over this folder while the block runs."""
    port = free_port()
    process = start(path, port, *options)
    place = Place(f"http://127.0.0.1:{port}")
    try:
        wait_until_ready(place.url)
        yield place
    finally:
        process.terminate()
        process.communicate(timeout=60)


def real_or_shared(servers: Servers) -> Place:
    """The server that REELFOLD_CLICKHOUSE_URL names, with the users of the settings; else the session's."""
    real = "REELFOLD_CLICKHOUSE_URL" in os.environ
    settings = Settings.from_env(os.environ) if real else servers.start("clickhouse")
    return Place(
        settings.clickhouse_url,
        (settings.clickhouse_user, settings.clickhouse_password.get_secret_value()),
        (settings.clickhouse_reader, settings.clickhouse_reader_password.get_secret_value()),
    )


@contextmanager
def database(place: Place, name: str) -> Iterator[Any]:
    """A client of the server whose database of this name is gone before and after."""
    client = place.client()
    client.command(f"DROP DATABASE IF EXISTS {name} SYNC")
    try:
        yield client
    finally:
        client.command(f"DROP DATABASE IF EXISTS {name} SYNC")
        client.close()
