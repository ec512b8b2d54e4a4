"""`reelfold demo` and `reelfold simulate`."""

import asyncio
import json
import os
import sys
from pathlib import Path
from subprocess import SubprocessError
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from infra.clock import SystemClock
from infra.settings import Settings

if TYPE_CHECKING:
    from infra.demo.report import Report

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def demo(
    json_output: JsonFlag = False,
    video: Annotated[Path | None, typer.Option(help="Your own clip, 3 to 180 s.", exists=True)] = None,
    views: Annotated[int, typer.Option(min=1, max=100_000, help="Views to simulate.")] = 1_500,
    seed: Annotated[int, typer.Option(help="The same seed gives the same tastes and events.")] = 7,
) -> None:
    """Run the main job on a running stack.

    People, uploads, events, a feed, and counts that agree; exits 1 when anything disagrees.
    Example: reelfold demo --video clip.mp4 --views 5000
    """
    import httpx

    from infra.demo.client import DemoFailed

    settings = Settings.from_env(os.environ)
    console = Console(stderr=True)
    try:
        report = asyncio.run(_run(settings, seed, views, video, console))
    except (DemoFailed, OSError, SubprocessError) as error:
        raise _failed(console, str(error) or type(error).__name__) from None
    except httpx.HTTPError as error:
        why = f"the stack does not answer ({error or type(error).__name__}); see `reelfold status`"
        raise _failed(console, why) from None
    if json_output:
        typer.echo(json.dumps(report.document(), indent=1))
    else:
        report.show(Console())
    raise typer.Exit(1 if report.problems else 0)


def _failed(console: Console, why: str) -> typer.Exit:
    console.print(f"[red]the demo failed:[/red] {escape(why)}", soft_wrap=True, highlight=False)
    return typer.Exit(1)


async def _run(settings: Settings, seed: int, views: int, own: Path | None, console: Console) -> "Report":
    from infra.demo.client import Client
    from infra.demo.run import Demo

    api = f"http://{settings.api_host}:{settings.api_port}"
    analyst = (settings.clickhouse_reader, settings.clickhouse_reader_password.get_secret_value())
    client = Client(api, settings.clickhouse_url, analyst, settings.clickhouse_database, settings.ca_file)
    try:
        run = Demo(client, SystemClock(), seed, lambda line: console.print(f"  {line}"))
        return await run.run(views, own)
    finally:
        await client.close()


def simulation(
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 7,
    users: Annotated[int, typer.Option(min=1, max=1_000_000)] = 20,
    videos: Annotated[int, typer.Option(min=1, max=1_000_000)] = 5,
    views: Annotated[int, typer.Option(min=1)] = 100,
    start_ms: Annotated[int, typer.Option(help="occurred_at of the first, epoch ms.")] = 1_790_000_000_000,
) -> None:
    """Print simulated events as JSON lines.

    Each is {actor_id, event}; the same seed prints the same bytes.
    Example: reelfold simulate --seed 3 --users 100 --views 1000 > events.ndjson
    """
    from infra.demo.simulation import SimulatedVideo, simulate, tags_of

    people = [f"user-{n}" for n in range(users)]
    clips = [
        SimulatedVideo(f"video-{n}", people[n % users], 5_000 + 1_000 * (n % 20), tags_of(seed, f"video-{n}"))
        for n in range(videos)
    ]
    for one in simulate(seed, people, clips, views, start_ms):
        sys.stdout.write(json.dumps({"actor_id": one.actor_id, "event": one.event}) + "\n")


def add_to(app: typer.Typer) -> None:
    """Register both commands."""
    app.command("demo")(demo)
    app.command("simulate")(simulation)
