"""What must hold before anything is started: tools are there, ports are free, nothing is left over."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from infra.cache import Cache
from infra.stack.health import port_taken
from infra.stack.part import Part
from infra.stack.process import alive, stop
from infra.stack.status import read_status


class NotReady(Exception):
    """The stack cannot start here; the message is one plain sentence."""


def check_tools(cache: Cache) -> None:
    """Raise NotReady for the first tool that is missing."""
    for program in ("java", "redis-server", "ffmpeg", "ffprobe"):
        if shutil.which(program) is None:
            raise NotReady(
                f"{program} is not on this machine: run `make doctor`, or `make run` to install it"
            )
    for what, path in (
        ("Kafka", cache.kafka_jars),
        ("the schema registry", cache.apicurio_jar),
        ("versitygw", cache.versitygw),
    ):
        if not path.exists():
            raise NotReady(f"{what} is not in the cache ({path}): run `make run`, which fetches it")


def check_ports(parts: Sequence[Part]) -> None:
    """Raise NotReady for the first port that somebody else holds."""
    for part in parts:
        for host, port in part.listens:
            if port_taken(host, port):
                raise NotReady(
                    f"port {port} on {host}, which {part.name} needs, is in use: stop what listens there, or "
                    "give the stack another port (REELFOLD_* in the README)"
                )


def reap(data: Path, timeout_s: float = 5.0) -> list[str]:
    """Stop parts that a killed supervisor has left behind in this data folder; their names."""
    left = [part for part in read_status(data).parts if part.pid and alive(part.pid, part.started)]
    for part in reversed(left):
        stop(part.pid, part.started, timeout_s)
    return [part.name for part in left]
