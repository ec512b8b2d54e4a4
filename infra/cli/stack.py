"""`reelfold up`, `down`, `status`, `logs`: the stack of one data folder."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from infra.cache import PROJECT
from infra.settings import Settings
from infra.stack.preflight import reap
from infra.stack.process import stop
from infra.stack.secret_file import FILE, local_environment
from infra.stack.status import PartStatus, StackStatus, read_status

STOP_S = 90.0
SETTLE_S = 60.0
POLL_S = 0.1
_COLOUR = {
    "ready": "green",
    "done": "green",
    "starting": "yellow",
    "waiting": "dim",
    "stopped": "dim",
    "retiring": "dim",
}
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def up() -> None:
    """Start the stack and return once it is healthy.

    It stays up in the background. Exits 1, with nothing left running, when it cannot.
    Example: REELFOLD_API_PORT=8090 reelfold up
    """
    environment = local_environment(os.environ, create=True)
    settings = Settings.from_env(environment)
    screen = Console(stderr=True)
    if not _running(settings.data):
        _start(settings.data, environment, screen)
    status = _settled(settings.data)
    if status.state != "ready":
        for line in (
            *(part.message for part in status.parts),
            f"The stack is {status.state}. {status.message}",
        ):
            if line:
                screen.print(line, style="red", soft_wrap=True, highlight=False, markup=False)
        raise typer.Exit(1)
    _addresses(settings, Console())


def down() -> None:
    """Stop every part of the stack, dependents first. The data stays. Example: reelfold down"""
    data = Settings.from_env(os.environ).data.resolve()
    status = read_status(data)
    was_running = status.running
    if was_running:
        stop(status.pid, status.started, STOP_S)
    left = reap(data)
    said = f"stopped; left over and ended too: {', '.join(left)}" if left else "stopped"
    typer.echo(said if was_running or left else "nothing was running")


def status(json_output: JsonFlag = False) -> None:
    """Say how every part is; exits 1 unless the stack is ready. Example: reelfold status --json"""
    seen = read_status(Settings.from_env(os.environ).data.resolve())
    if json_output:
        typer.echo(json.dumps(asdict(seen), indent=1))
    else:
        screen = Console()
        screen.print(table(seen))
        for part in seen.parts:
            if part.message:
                screen.print(part.message, soft_wrap=True, highlight=False, markup=False)
        screen.print(f"The stack is {seen.state}. {seen.message}".strip(), soft_wrap=True, highlight=False)
    raise typer.Exit(0 if seen.state == "ready" else 1)


def logs(
    part: Annotated[
        str, typer.Argument(help="A part's name; without it the supervisor's log.")
    ] = "supervisor",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1)] = 50,
) -> None:
    """Print the end of a part's log. Example: reelfold logs worker -f"""
    folder = Settings.from_env(os.environ).data.resolve() / "logs"
    path = folder / f"{part}.log"
    if not path.exists():
        known = ", ".join(sorted(one.stem for one in folder.glob("*.log"))) or "none yet"
        typer.echo(f"there is no log of {part!r}; there are: {known}", err=True)
        raise typer.Exit(1)
    os.execvp("tail", ["tail", "-n", str(lines), *(["-F"] if follow else []), str(path)])


def table(seen: StackStatus) -> Table:
    """The parts as a table."""
    rows = Table("part", "state", "pid", "start", "restarts", box=None, pad_edge=False)
    rows.add_column("address", overflow="fold")
    for part in seen.parts:
        rows.add_row(*_row(part))
    return rows


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (up, down, status, logs):
        app.command()(command)


def _running(data: Path) -> bool:
    """Whether a stack runs here; one that is just being stopped is waited for."""
    deadline = time.monotonic() + STOP_S
    while (seen := read_status(data)).running and seen.state == "stopping" and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return seen.running


def _settled(data: Path) -> StackStatus:
    """The status once nothing is on its way up any more, or when that takes too long."""
    deadline = time.monotonic() + SETTLE_S
    while (seen := read_status(data)).running and time.monotonic() < deadline:
        coming = {part.state for part in seen.parts} & {"starting", "restarting", "unhealthy"}
        if seen.state in ("ready", "failed", "stopped") or (seen.state == "degraded" and not coming):
            break
        time.sleep(POLL_S)
    return seen


def _start(data: Path, environment: dict[str, str], screen: Console) -> None:
    """Start a supervisor that outlives this command, and watch it until it is ready or has failed."""
    log = data / "logs" / "supervisor.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "infra.stack.supervisor"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment,
            cwd=PROJECT,
            start_new_session=True,
        )
    try:
        _follow(data, supervisor, screen)
    except KeyboardInterrupt:
        screen.print("interrupted: stopping what was started")
        supervisor.terminate()
        supervisor.wait(STOP_S)
        raise typer.Exit(130) from None
    if supervisor.poll() is not None and read_status(data).state != "failed":
        screen.print(f"[red]the supervisor ended with code {supervisor.returncode}; see {log}[/red]")
        raise typer.Exit(1)


def _follow(data: Path, supervisor: "subprocess.Popen[bytes]", screen: Console) -> None:
    told: set[str] = set()
    with Live(console=screen, transient=True, refresh_per_second=8) as live:
        while supervisor.poll() is None:
            seen = read_status(data)
            if seen.pid == supervisor.pid:
                _tell(seen, told, screen)
                live.update(table(seen))
                if seen.state in ("ready", "degraded"):
                    return
            time.sleep(POLL_S)


def _tell(seen: StackStatus, told: set[str], screen: Console) -> None:
    """One line for each part that has become ready: also where no terminal shows the table."""
    for part in seen.parts:
        if part.state in ("ready", "done") and part.name not in told:
            told.add(part.name)
            took = f" in {part.ready_ms / 1000:.1f} s" if part.ready_ms is not None else ""
            screen.print(
                f"{part.name} {part.state}{took} ({len(told)} of {len(seen.parts)})", highlight=False
            )


def _row(part: PartStatus) -> tuple[str, ...]:
    colour = _COLOUR.get(part.state, "red")
    took = f"{part.ready_ms / 1000:.1f} s" if part.ready_ms is not None else ""
    pid = str(part.pid) if part.pid else ""
    return part.name, f"[{colour}]{part.state}[/{colour}]", pid, took, str(part.restarts or ""), part.url


def _addresses(settings: Settings, screen: Console) -> None:
    api = f"http://{settings.api_host}:{settings.api_port}"
    s3 = "https" if settings.s3_secure else "http"
    lines = {
        "API": f"{api}  (documentation: {api}/docs)",
        "ClickHouse": f"{settings.clickhouse_url}  user {settings.clickhouse_reader}",
        "S3": f"{s3}://{settings.s3_endpoint}  media: {settings.media_base_url}",
        "Kafka": settings.kafka_bootstrap,
        "Schemas": settings.registry_url,
        "Passwords": str(settings.data / FILE),
    }
    if settings.stack_tls:
        lines["Authority"] = f"{settings.ca_file}  (what clients of the servers trust)"
    screen.print("The stack is up.")
    for name, value in lines.items():
        screen.print(f"  {name:<11}{value}", soft_wrap=True, highlight=False)
