"""`reelfold show counts|feed|trending`: what a generation says, be it live or the log up to a moment."""

import json
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console

from infra.cli.operator import operator
from infra.cli.stack import JsonFlag

if TYPE_CHECKING:
    from projections.trending.store import Window
    from streams.generations.showing import Shown

show = typer.Typer(
    help="What a generation says: counts, a feed, the trends. For another time than now fill a generation "
    "with `reelfold replay --to-time T --into N` first.",
    no_args_is_help=True,
)
Generation = Annotated[int, typer.Option("--generation", "-g", min=0, help="0 is the live one.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=400)]


@show.command()
def counts(
    video: Annotated[str, typer.Argument(help="A video's id.")],
    generation: Generation = 0,
    json_output: JsonFlag = False,
) -> None:
    """A video's counts, in both stores. Example: reelfold show counts v-1 --generation 7"""
    from streams.generations import showing

    with operator() as hands:
        _tell(showing.counts(hands, generation or hands.live, video), json_output)


@show.command()
def feed(
    user: Annotated[str, typer.Argument(help="A user's id.")],
    generation: Generation = 0,
    limit: Limit = 10,
    json_output: JsonFlag = False,
) -> None:
    """A user's following feed, newest first. Example: reelfold show feed ann --generation 7 --json"""
    from streams.generations import showing

    with operator() as hands:
        _tell(showing.feed(hands, generation or hands.live, user, limit), json_output)


@show.command()
def trending(
    window: Annotated[str, typer.Argument(help="1h, 24h or 7d.")] = "24h",
    generation: Generation = 0,
    limit: Limit = 10,
    json_output: JsonFlag = False,
) -> None:
    """What rises, at the generation's own clock. Example: reelfold show trending 1h --generation 7"""
    from streams.generations import showing

    if window not in ("1h", "24h", "7d"):
        typer.echo(f"there is no window {window!r}: say 1h, 24h or 7d", err=True)
        raise typer.Exit(2)
    with operator() as hands:
        found = showing.trending(hands, generation or hands.live, cast("Window", window), limit)
        _tell(found, json_output)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(show, name="show")


def _tell(shown: "Shown", json_output: bool) -> None:
    document = shown.document()
    if json_output:
        typer.echo(json.dumps(document, indent=1))
        return
    screen = Console()
    until = document["folded_until"] or "nothing that counts"
    screen.print(f"generation {shown.generation}, folded until {until}", highlight=False)
    rows = shown.answer if isinstance(shown.answer, list) else [shown.answer]
    for row in rows or ["nothing"]:
        said = row if isinstance(row, str) else "  ".join(f"{name}: {value}" for name, value in row.items())
        screen.print(said, markup=False, highlight=False, soft_wrap=True)
