"""`reelfold doctor`: what is wrong with this machine or this stack, and what to do about it."""

import json
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import psutil
import typer
from rich.console import Console

from infra.cache import Cache
from infra.cli.stack import JsonFlag
from infra.settings import InvalidSettings, Settings
from infra.stack.health import port_taken
from infra.stack.secret_file import FILE, local_environment
from infra.stack.status import StackStatus, read_status
from infra.stack.table import stack

LEAST_DISK = 5 << 30
LEAST_MEMORY = 3 << 30
_INSTALL = "run `make run`, which installs it"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ``advice`` is what to do, empty when all is well."""

    what: str
    well: bool
    seen: str
    advice: str = ""


def doctor(json_output: JsonFlag = False) -> None:
    """Say what is wrong here and what to do about it.

    Looks at tools, disk, memory, permissions, ports and every part; exits 1 when something is wrong.
    Example: reelfold doctor --json
    """
    found = list(findings())
    if json_output:
        typer.echo(json.dumps([asdict(one) for one in found], indent=1))
    else:
        _show(found)
    raise typer.Exit(0 if all(one.well for one in found) else 1)


def findings() -> Iterator[Finding]:
    """Everything, in the order in which one would mend it."""
    cache = Cache.from_env(os.environ)
    yield from _tools(cache)
    yield _packages()
    try:
        environment = local_environment(os.environ)
        settings = Settings.from_env(environment)
    except InvalidSettings as error:
        yield Finding("settings", False, str(error), "correct what is named here, then ask again")
        return
    yield from _secrets(settings)
    yield from _room(settings)
    status = read_status(settings.data)
    if status.running:
        yield from _parts(status)
    else:
        yield from _stopped(status, environment, cache)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(doctor)


def _tools(cache: Cache) -> Iterator[Finding]:
    for program in ("java", "redis-server", "ffmpeg", "ffprobe"):
        where = shutil.which(program)
        yield Finding(program, where is not None, where or "not found", "" if where else _INSTALL)
    for what, path in (
        ("Kafka", cache.kafka_jars),
        ("registry", cache.apicurio_jar),
        ("versitygw", cache.versitygw),
    ):
        there = path.exists()
        yield Finding(what, there, str(path) if there else "not in the cache", "" if there else _INSTALL)


def _packages() -> Finding:
    from infra.bootstrap.python_packages import installed, wanted

    current = installed() == wanted()
    return Finding(
        "python packages",
        current,
        "as requirements.lock says" if current else "not as requirements.lock says",
        "" if current else _INSTALL,
    )


def _secrets(settings: Settings) -> Iterator[Finding]:
    path = settings.data / FILE
    if path.exists():
        mode = stat.S_IMODE(path.stat().st_mode)
        well = not mode & 0o077
        advice = "" if well else f"others can read it: chmod 600 {path}, and think of it as told"
        yield Finding("secrets", well, f"{path}, mode {mode:o}", advice)


def _room(settings: Settings) -> Iterator[Finding]:
    folder = settings.data if settings.data.exists() else settings.data.parent
    disk = shutil.disk_usage(folder).free
    advice = f"free some, or set REELFOLD_DATA to a larger disk than that of {folder}"
    yield Finding("disk", disk >= LEAST_DISK, _gigabytes(disk), "" if disk >= LEAST_DISK else advice)
    memory = psutil.virtual_memory().available
    enough = memory >= LEAST_MEMORY
    yield Finding(
        "memory", enough, _gigabytes(memory), "" if enough else "the stack needs 3 GB: close something"
    )


def _parts(status: StackStatus) -> Iterator[Finding]:
    for part in status.parts:
        well = part.state in ("ready", "done")
        seen = part.message or f"{part.state}, restarted {part.restarts} times"
        yield Finding(part.name, well, seen, "" if well else f"reelfold logs {part.name}")


def _stopped(status: StackStatus, environment: dict[str, str], cache: Cache) -> Iterator[Finding]:
    failed = status.state == "failed"
    seen = f"the last start failed: {status.message}" if failed else status.message or "not running"
    yield Finding("stack", not failed, seen, "then `reelfold up`" if failed else "")
    for part in stack(environment, cache):
        for host, port in part.listens:
            taken = port_taken(host, port)
            advice = f"stop what listens on {host}:{port}, or give {part.name} another port" if taken else ""
            yield Finding(
                f"port of {part.name}", not taken, f"{port} {'in use' if taken else 'free'}", advice
            )


def _show(found: list[Finding]) -> None:
    screen = Console()
    for one in found:
        mark = "[green]well [/green]" if one.well else "[red]wrong[/red]"
        advice = f" -> {one.advice}" if one.advice else ""
        screen.print(f"{mark} {one.what}: {one.seen}{advice}", soft_wrap=True, highlight=False)


def _gigabytes(count: int) -> str:
    return f"{count / (1 << 30):.1f} GB free"
