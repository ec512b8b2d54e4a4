"""`python -m infra.clickhouse_server --path DIR --host 127.0.0.1 --port 8123`

Users and passwords come from the environment, as everywhere: REELFOLD_CLICKHOUSE_USER, _PASSWORD,
_READER and _READER_PASSWORD. SIGTERM and SIGINT let running queries finish.
"""

import argparse
import asyncio
import ipaddress
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.server.embed import Server

from infra.clickhouse_server.door import Door
from infra.clickhouse_server.engine import Engine, FolderInUse
from infra.clickhouse_server.users import Users, analyst, writer
from infra.settings import InvalidSettings, Settings
from infra.telemetry import Log, configure

BODY_LIMIT = 256 << 20


class CannotStart(Exception):
    """One sentence for the user: why the server does not start."""


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line; exits 2 with usage when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m infra.clickhouse_server", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="data folder; one process owns it")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--cert", type=Path, help="with it, and --key, https only: PEM")
    parser.add_argument("--key", type=Path, help="its key, PKCS 8")
    parser.add_argument("--body-limit", type=int, default=BODY_LIMIT, help="bytes, after unpacking")
    return parser.parse_args(argv)


def only_loopback(host: str) -> str:
    """The host, if it is this machine's loopback; raises CannotStart: no TLS and no audit here."""
    try:
        inside = ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = host == "localhost"
    if not inside:
        raise CannotStart(f"{host} is not a loopback address; the embedded server listens on loopback only")
    return "127.0.0.1" if host == "localhost" else host


def both_or_none(cert: Path | None, key: Path | None) -> None:
    """Raise CannotStart for one without the other, or a file that is not there."""
    if (cert is None) != (key is None):
        raise CannotStart("--cert and --key belong together")
    for path in (cert, key):
        if path is not None and not path.is_file():
            raise CannotStart(f"{path} is not there")


def port_is_free(host: str, port: int) -> None:
    """Raise CannotStart when somebody listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotStart(f"port {port} on {host} cannot be used: {error.strerror}") from None


def users(settings: Settings) -> Users:
    """The two users of the settings; raises InvalidSettings when a password is missing."""
    settings.need("clickhouse_password", "clickhouse_reader_password")
    return Users(
        [
            writer(settings.clickhouse_user, settings.clickhouse_password.get_secret_value()),
            analyst(settings.clickhouse_reader, settings.clickhouse_reader_password.get_secret_value()),
        ]
    )


async def serve(door: Door, host: str, port: int, cert: Path | None = None, key: Path | None = None) -> None:
    """Serve until SIGTERM or SIGINT; then finish what runs and close the engine."""
    server: Any = Server(
        door,
        host,
        port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
        ssl_cert=cert,
        ssl_key=key,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.create_task(server.serve())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    await door.close()
    server.stop()
    stopped.cancel()
    await serving


def main(argv: list[str]) -> int:
    """Run the server; returns the exit code."""
    given = arguments(argv)
    log = Log("clickhouse")
    try:
        settings = Settings.from_env(os.environ)
        configure(settings.log_level, "clickhouse")
        host = only_loopback(given.host)
        both_or_none(given.cert, given.key)
        known = users(settings)
        port_is_free(host, given.port)
        engine = Engine(given.path)
    except (CannotStart, FolderInUse, InvalidSettings) as error:
        sys.stderr.write(f"clickhouse: {error}\n")
        return 1
    log.info("part_ready", host=host, port=given.port, path=str(given.path))
    asyncio.run(serve(Door(engine, known, given.body_limit), host, given.port, given.cert, given.key))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
