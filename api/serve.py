"""The API as a process: `python -m api.serve --host 127.0.0.1 --port 8080`.

uvicorn on uvloop and httptools: half the processor time a request that the server in Rust took which was here
before, whose threads hand each request to the interpreter and back. SIGTERM and SIGINT: nothing new is
accepted, requests under way have GRACE_S, then what was taken in is told to the log; the exit code is 0.
"""

import argparse
import asyncio
import contextlib
import resource
import signal
import socket
import sys
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from api.door.connection import Connection
from api.door.turns import MAX_CONNECTIONS, Turns
from infra.settings import InvalidSettings

GRACE_S = 8
"""Longer than a POST waits for its bytes on a good day, and within the stop time of the supervisor (15 s)."""
BACKLOG = 2_048
FILES = MAX_CONNECTIONS + 1_024
LOOK_S = 1.0
"""Between two looks for connections past their deadline."""


class Server(uvicorn.Server):
    """uvicorn's server, which looks after deadlines and ends with 0 when it is told to."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A second SIGINT does not wait for requests."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and look after deadlines until the process ends."""
        await super().startup(sockets)
        self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            now = asyncio.get_running_loop().time()
            for one in tuple(self.server_state.connections):
                if isinstance(one, Turns):
                    one.expire(now)


def server(application: ASGIApp, host: str, port: int) -> Server:
    """A server of an application: it says nothing of requests, and of itself only what is wrong."""
    return Server(
        uvicorn.Config(
            application,
            host=host,
            port=port,
            loop="uvloop",
            http=Connection,
            ws="none",
            interface="asgi3",
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=GRACE_S,
        )
    )


def allow_files() -> None:
    """A descriptor for each connection, as far as the machine's hard limit goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main(argv: list[str]) -> int:
    """Serve until told to stop; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m api.serve", description="Serve the API.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    given = parser.parse_args(argv)
    from api.main import app  # what it imports takes a second, and --help does not need it

    try:
        application = app()
    except InvalidSettings as error:
        sys.stderr.write(f"api: {error}\n")
        return 1
    allow_files()
    server(application, given.host, given.port).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
