"""`reelfold chaos`: the fault matrix, on a stack of its own."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.cli.stack import JsonFlag

if TYPE_CHECKING:
    from infra.chaos.case import Case, Outcome


def chaos(
    listed: Annotated[bool, typer.Option("--list", help="Name the cases, and run none.")] = False,
    case: Annotated[list[str] | None, typer.Option(help="Run this one; may be said more than once.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Run every case.")] = False,
    minutes: Annotated[float, typer.Option(min=0, help="Kill workers at random for so long.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same load and the same blows.")] = 7,
    json_output: JsonFlag = False,
    details: Annotated[Path | None, typer.Option(help="Write every figure to this file, as JSON.")] = None,
) -> None:
    """Break the stack on purpose, and count what was lost and what was applied twice.

    It starts stacks of its own, on free ports and in temporary folders, and takes them down again. Exits 1
    when a case fails. Example: reelfold chaos --case kill9-between-sinks --seed 7 --json
    """
    screen = Console(stderr=True)
    try:
        chosen = _chosen(case or [], every, minutes)
    except KeyError as error:
        screen.print(f"there is no case {error}; see `reelfold chaos --list`", highlight=False)
        raise typer.Exit(2) from None
    if listed:
        _list(chosen or _chosen([], True, 0), json_output)
        return
    if not chosen:
        screen.print("say --list, --case NAME, --all or --minutes M; see `reelfold chaos --help`")
        raise typer.Exit(2)
    _run(chosen, seed, json_output, details, screen)


def _chosen(names: list[str], every: bool, minutes: float) -> "list[Case]":
    """Raises KeyError for a name that is none."""
    from infra.chaos.random_mode import random_case
    from infra.chaos.table import BY_NAME, CASES

    chosen = list(CASES) if every else [BY_NAME[name] for name in names]
    return chosen + ([random_case(minutes)] if minutes else [])


def _list(cases: "list[Case]", json_output: bool) -> None:
    if json_output:
        typer.echo(json.dumps([{"name": one.name, "about": one.about} for one in cases], indent=1))
        return
    rows = Table("case", "what happens", box=None, pad_edge=False)
    for one in cases:
        rows.add_row(one.name, one.about)
    Console().print(rows)


def _run(chosen: "list[Case]", seed: int, json_output: bool, details: Path | None, screen: Console) -> None:
    import asyncio
    import signal

    from infra.chaos import report
    from infra.chaos.runner import Runner

    def say(line: str) -> None:
        screen.print(line, highlight=False, markup=False, soft_wrap=True)

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # nothing is left behind then either
    outcomes: list[Outcome] = asyncio.run(Runner(seed, say).run(chosen))
    if details is not None:
        details.write_text(json.dumps(report.details(outcomes), indent=1), "utf-8")
    if json_output:
        typer.echo(json.dumps(report.document(outcomes), indent=1))
    else:
        report.show(outcomes, Console())
    raise typer.Exit(0 if all(one.good for one in outcomes) else 1)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(chaos)
