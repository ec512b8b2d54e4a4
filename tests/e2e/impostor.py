"""Somebody else on a server's port, who slams the door: the server is down, and cannot come back yet."""

import contextlib
import socket
import threading
import time
from typing import Self

TAKE_S = 10.0


class Impostor:
    """Holds host:port while entered; every connection is closed at once."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._address = (host, int(port))
        self._door = socket.socket()
        self._thread = threading.Thread(target=self._slam, daemon=True)

    def __enter__(self) -> Self:
        self._door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        deadline = time.monotonic() + TAKE_S
        while not self._taken():
            assert time.monotonic() < deadline, f"{self._address} does not become free"
        self._door.listen()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self._thread.join(TAKE_S)

    def _taken(self) -> bool:
        try:
            self._door.bind(self._address)
        except OSError:
            return False
        return True

    def _slam(self) -> None:
        while True:
            try:
                self._door.accept()[0].close()
            except OSError:
                return
