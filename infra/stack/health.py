"""Is a server ready? Each probe asks in the server's own protocol, answers within a second, never raises."""

import http.client
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from infra.access.tls import trust
from infra.settings import InvalidSettings

TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """Ready when this URL answers 200."""

    url: str
    ca_file: str = ""
    """Whom an https server's certificate must be signed by; empty: one that the system trusts."""

    def __call__(self) -> bool:
        parts = urlsplit(self.url)
        connection: http.client.HTTPConnection | None = None
        try:
            connection = self._connection(parts.scheme, parts.hostname or "", parts.port)
            connection.request("GET", parts.path or "/")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException, InvalidSettings):
            return False
        finally:
            if connection is not None:
                connection.close()

    def _connection(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme == "https":
            context = trust(self.ca_file)
            return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class RedisProbe:
    """Ready when PING is answered, which Redis does only once its data is loaded."""

    host: str
    port: int
    password_file: Path
    """A file whose last line is `requirepass <password>`: secrets stay out of parts' tables."""
    ca_file: str = ""
    """With it: over TLS."""

    def __call__(self) -> bool:
        try:
            password = self.password_file.read_text("utf-8").rsplit(maxsplit=1)[-1]
            with _connected(self.host, self.port, self.ca_file) as connection:
                answer = _exchange(connection, f"AUTH {password}\r\nPING\r\n".encode(), b"PONG\r\n")
        except (OSError, IndexError, InvalidSettings):
            return False
        return answer == b"+OK\r\n+PONG\r\n"


@dataclass(frozen=True, slots=True)
class KafkaProbe:
    """Ready when ApiVersions is answered: brokers open their door once they have joined the cluster.

    That question comes before any credentials, and so needs none.
    """

    host: str
    port: int
    ca_file: str = ""
    """With it: over TLS."""

    def __call__(self) -> bool:
        client = b"reelfold"
        body = struct.pack(">hhih", 18, 0, 1, len(client)) + client
        try:
            with _connected(self.host, self.port, self.ca_file) as connection:
                connection.sendall(struct.pack(">i", len(body)) + body)
                head = b""
                while len(head) < 10 and (more := connection.recv(10 - len(head))):
                    head += more
        except (OSError, InvalidSettings):
            return False
        return len(head) == 10 and head[8:] == b"\0\0"


Probe = Callable[[], bool]


def port_taken(host: str, port: int) -> bool:
    """Whether something listens there already."""
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, port))
        except OSError:
            return True
    return False


def _connected(host: str, port: int, ca_file: str) -> socket.socket:
    plain = socket.create_connection((host, port), TIMEOUT_S)
    if not ca_file:
        return plain
    try:
        return trust(ca_file).wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _exchange(connection: socket.socket, request: bytes, until: bytes) -> bytes:
    connection.sendall(request)
    answer = b""
    while not answer.endswith(until) and not answer.startswith(b"-"):
        received = connection.recv(1024)
        if not received:
            break
        answer += received
    return answer
