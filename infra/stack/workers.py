"""The workers of the stack: one for each generation that is kept, come and gone without a restart.

A promotion needs two side by side, a dropped generation needs none: the supervisor asks `changes` again and
again, and what the file (infra/stack/kept.py) says is what runs.
"""

import json
import socket
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from infra.access.principals import WORKER
from infra.settings import PREFIX, Settings
from infra.stack.health import HttpProbe
from infra.stack.kept import kept
from infra.stack.part import Part
from infra.stack.wires import as_principal

if TYPE_CHECKING:
    from infra.telemetry import Log

_THEN = "then `reelfold down` and `reelfold up`"
# The worker's own codes (streams/exits.py) for what no restart mends.
_FINAL = {
    65: "See them with `reelfold tail <topic> --from-start`, and end what sends them; or let them pass into "
    f"rf.dlq.v1 with larger REELFOLD_DEAD_LETTER_RUN and REELFOLD_DEAD_LETTER_SHARE, {_THEN}",
    78: "Bring back the log that belongs to these stores; or go on without what it has let go of with "
    f"REELFOLD_ACCEPT_LOG_LOSS=true; or start anew with `make clean`; {_THEN}",
}


def name_of(settings: Settings, generation: int) -> str:
    """The part's name: `worker` folds the generation of the settings, `worker-g3` the third."""
    return "worker" if generation == settings.generation else f"worker-g{generation}"


def workers(settings: Settings, environment: Mapping[str, str]) -> tuple[Part, ...]:
    """A worker for each generation that is kept."""
    found = kept(settings.data, settings.generation)
    return tuple(worker_part(settings, environment, generation) for generation in found)


def worker_part(settings: Settings, environment: Mapping[str, str], generation: int) -> Part:
    """The worker of one generation. Those beside the settings' own have a free port for their pages."""
    own = generation == settings.generation
    port = settings.worker_web_port if own else _free_port()
    about = {f"{PREFIX}GENERATION": str(generation), f"{PREFIX}WORKER_WEB_PORT": str(port)}
    return Part(
        name=name_of(settings, generation),
        command=(sys.executable, "-m", "streams.standby"),
        ready=HttpProbe(f"http://127.0.0.1:{port}/healthz"),
        after=("provision",),
        environment={**as_principal(environment, settings, WORKER), **about},
        listens=(("127.0.0.1", port),),
        final=_FINAL,
        url=f"http://127.0.0.1:{port}",
        stop_s=30.0,
    )


Changes = Callable[[Collection[str]], tuple[Sequence[Part], Collection[str]]]
"""Names of the parts there are -> parts to start now, names of parts to end."""


def none(_: Collection[str]) -> tuple[Sequence[Part], Collection[str]]:
    """A stack whose parts stay as they are."""
    return (), ()


def changes(settings: Settings, environment: Mapping[str, str]) -> Changes:
    """What of the workers has to come and to go for the file to hold."""

    def asked(running: Collection[str]) -> tuple[Sequence[Part], Collection[str]]:
        try:
            found = kept(settings.data, settings.generation)
        except (OSError, json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            _log().warning("part_died", part="workers", reason=f"generations.json cannot be read: {error}")
            return (), ()
        wanted = {name_of(settings, generation): generation for generation in found}
        more = [worker_part(settings, environment, wanted[name]) for name in wanted if name not in running]
        return more, [name for name in running if name.startswith("worker") and name not in wanted]

    return asked


def _log() -> "Log":
    """Made when there is something to say: a command that only looks at the table pays for no logging."""
    from infra.telemetry import Log

    return Log("stack")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
