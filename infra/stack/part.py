"""What the supervisor runs, as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.stack.health import Probe


def nothing() -> None:
    """A part that needs no preparation."""


@dataclass(frozen=True, slots=True)
class Part:
    """One server or one task of the stack.

    A server is ready when ``ready`` says so; a task (``ready`` is None) when it has ended with code 0.
    """

    name: str
    command: tuple[str, ...]
    ready: Probe | None
    after: tuple[str, ...] = ()
    """Names of the parts that must be ready before this one starts."""
    environment: Mapping[str, str] = field(default_factory=dict)
    listens: tuple[tuple[str, int], ...] = ()
    """Every (host, port) it opens: looked at before anything is started."""
    prepare: Callable[[], None] = nothing
    """Writes configuration files; quick, and safe to run again."""
    done: Callable[[], bool] = lambda: False
    """A task that this says is done needs no run."""
    final: Mapping[int, str] = field(default_factory=dict)
    """Exit codes after which another start would end the same way, and what the user can do then."""
    url: str = ""
    start_s: float = 60.0
    stop_s: float = 10.0

    def log(self, data: Path) -> Path:
        """Where its output goes."""
        return data / "logs" / f"{self.name}.log"
