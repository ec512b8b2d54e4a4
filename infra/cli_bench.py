"""`reelfold bench`: how fast each stage is, beside its peers and its floor."""

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from infra.cli_stack import JsonFlag

STAGES = ("fold", "fold-clickhouse", "fold-both", "replay", "ingest", "transcode")


def bench(
    stage: Annotated[str, typer.Argument(help=f"One of: {', '.join(STAGES)}.")],
    events: Annotated[int, typer.Option(min=1_000, help="Events of the load.")] = 300_000,
    runs: Annotated[int, typer.Option(min=1, help="Rounds; the medians count.")] = 5,
    video: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="For transcode: a clip of your own.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 when a target is missed.")] = False,
    json_output: JsonFlag = False,
) -> None:
    """Measure a stage with its guarantees on, every contender once a round, on a stack of its own.

    Takes minutes: the machine should do nothing else. Example: reelfold bench fold --runs 3 --json
    """
    from infra.bench.table import STAGES as RUN
    from infra.bench.transcode_stage import transcode

    screen = Console(stderr=True)
    if stage not in STAGES:
        screen.print(f"there is no stage {stage}; there are {', '.join(STAGES)}", highlight=False)
        raise typer.Exit(2)
    if video is not None and stage != "transcode":
        screen.print("only the stage transcode takes a video", highlight=False)
        raise typer.Exit(2)

    def tell(line: str) -> None:
        screen.print(line, highlight=False)

    run = RUN[stage] if video is None else partial(transcode, own=video)
    result = run(events, runs, tell)
    if json_output:
        typer.echo(json.dumps(result.document(), indent=1))
    else:
        result.show(Console())
    if check and not result.met:
        missed = ", ".join(target.name for target in result.targets if not target.met)
        screen.print(f"missed: {missed}", highlight=False)
        raise typer.Exit(1)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(bench)
