"""Workers of a ground: each in a slot of its own, with pages of its own."""

import sys
from dataclasses import replace

from infra.chaos.environment import free_ports
from infra.stack.health import HttpProbe
from infra.stack.part import Part

ALONE = (sys.executable, "-m", "streams.worker")
"""A worker without a standby: what a fault does to it is not made good before anybody looks."""


def in_slot(part: Part, name: str, slot: str, standby: bool) -> Part:
    """The stack's worker as another part."""
    (port,) = free_ports(1)
    own = {"REELFOLD_WORKER_SLOT": slot, "REELFOLD_WORKER_WEB_PORT": str(port)}
    url = f"http://127.0.0.1:{port}"
    return replace(
        part,
        name=name,
        command=part.command if standby else ALONE,
        ready=HttpProbe(f"{url}/healthz"),
        environment={**part.environment, **own},
        listens=(("127.0.0.1", port),),
        url=url,
    )
