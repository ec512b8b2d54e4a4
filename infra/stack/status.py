"""The stack's state as a file: written whole by the supervisor, read by every command."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from infra.stack.process import alive

FILE = "status.json"
StackState = Literal["starting", "ready", "degraded", "stopping", "stopped", "failed"]
PartState = Literal[
    "waiting", "starting", "ready", "done", "unhealthy", "restarting", "halted", "retiring", "stopped"
]


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One part, as last seen. ``started`` (epoch seconds) tells its pid from a later owner's."""

    name: str
    state: PartState
    pid: int = 0
    started: float = 0.0
    restarts: int = 0
    ready_ms: int | None = None
    """How long its latest start took."""
    url: str = ""
    log: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class StackStatus:
    """The whole stack; ``message`` is the sentence for the user when something is wrong."""

    state: StackState
    pid: int = 0
    started: float = 0.0
    message: str = ""
    parts: tuple[PartStatus, ...] = field(default=())

    @property
    def running(self) -> bool:
        """Whether the supervisor that wrote this still lives."""
        return self.pid > 0 and alive(self.pid, self.started)


NEVER = StackStatus("stopped", message="never started here")


def write_status(data: Path, status: StackStatus) -> None:
    """Replace the file in one step."""
    half = data / f"{FILE}.half"
    half.write_text(json.dumps(asdict(status), indent=1), "utf-8")
    half.rename(data / FILE)


def read_status(data: Path) -> StackStatus:
    """The last state written; one of a supervisor that was killed reads as failed."""
    path = data / FILE
    if not path.exists():
        return NEVER
    raw = json.loads(path.read_text("utf-8"))
    parts = tuple(PartStatus(**part) for part in raw.pop("parts"))
    status = StackStatus(**raw, parts=parts)
    if status.state not in ("stopped", "failed") and not status.running:
        said = f"the supervisor is gone without a word; see {data / 'logs' / 'supervisor.log'}"
        return StackStatus("failed", message=said, parts=parts)
    return status
