"""Is a server ready? Each probe asks in the server's own protocol, answers within a second, never raises."""

import http.client
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """Ready when this URL answers 200."""

    url: str

    def __call__(self) -> bool:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        try:
            connection.request("GET", parts.path or "/")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class RedisProbe:
    """Ready when PING is answered, which Redis does only once its data is loaded."""

    host: str
    port: int
    password_file: Path
    """A file whose last line is `requirepass <password>`: secrets stay out of parts' tables."""

    def __call__(self) -> bool:
        try:
            password = self.password_file.read_text("utf-8").rsplit(maxsplit=1)[-1]
            answer = _exchange(self.host, self.port, f"AUTH {password}\r\nPING\r\n".encode(), b"PONG\r\n")
        except (OSError, IndexError):
            return False
        return answer == b"+OK\r\n+PONG\r\n"


@dataclass(frozen=True, slots=True)
class KafkaProbe:
    """Ready when ApiVersions is answered: brokers open their door once they have joined the cluster."""

    host: str
    port: int

    def __call__(self) -> bool:
        client = b"reelfold"
        body = struct.pack(">hhih", 18, 0, 1, len(client)) + client
        try:
            with socket.create_connection((self.host, self.port), TIMEOUT_S) as connection:
                connection.sendall(struct.pack(">i", len(body)) + body)
                head = connection.recv(10, socket.MSG_WAITALL)
        except OSError:
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


def _exchange(host: str, port: int, request: bytes, until: bytes) -> bytes:
    with socket.create_connection((host, port), TIMEOUT_S) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.sendall(request)
        answer = b""
        while not answer.endswith(until) and not answer.startswith(b"-"):
            received = connection.recv(1024)
            if not received:
                break
            answer += received
    return answer
