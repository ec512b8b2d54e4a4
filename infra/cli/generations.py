"""`reelfold generations`, `promote`, `rollback`, `drop`: which fold of the log is the one that is read."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.cli.operator import operator
from infra.cli.stack import JsonFlag
from infra.clock import SystemClock, iso

if TYPE_CHECKING:
    from streams.generations.generations import Generation
    from streams.generations.promotion import Flip

Number = Annotated[int, typer.Argument(min=1, help="The generation's number; see `reelfold generations`.")]
Behind = Annotated[int, typer.Option("--behind", min=0, help="Records it may be behind the live one.")]
Incomplete = Annotated[bool, typer.Option("--incomplete", help="However far behind it is.")]


def generations(json_output: JsonFlag = False) -> None:
    """Say which generations there are.

    Which is live, how far each is behind the log and behind the live one, and what its last comparison found.
    Example: reelfold generations --json
    """
    with operator() as hands:
        found = hands.generations()
    if json_output:
        typer.echo(json.dumps([one.document() for one in found], indent=1))
    else:
        Console().print(_table(found))


def promote(
    generation: Number,
    behind: Behind = 1_000,
    unproved: Annotated[
        bool, typer.Option("--unproved", help="Without a parity run that found it equal to the live one.")
    ] = False,
    incomplete: Incomplete = False,
    json_output: JsonFlag = False,
) -> None:
    """Let readers read another generation, in both stores at once.

    It is refused while that one is behind, or while no parity run has found it equal to the live one.
    Example: reelfold parity 1 2 && reelfold promote 2
    """
    from streams.generations import promotion

    with operator() as hands:
        flip = promotion.promote(hands, SystemClock(), generation, behind, unproved, incomplete)
    _tell(flip, json_output)


def rollback(behind: Behind = 1_000, incomplete: Incomplete = False, json_output: JsonFlag = False) -> None:
    """Go back to the generation that was live before.

    Its worker has folded on, so nothing is lost. Example: reelfold rollback
    """
    from streams.generations import promotion

    with operator() as hands:
        flip = promotion.rollback(hands, SystemClock(), behind, incomplete)
    _tell(flip, json_output)


def drop(generation: Number, json_output: JsonFlag = False) -> None:
    """Free what a generation holds in both stores, and end its worker.

    The live one is never dropped. Example: reelfold drop 1
    """
    from streams.generations import promotion

    with operator() as hands:
        freed = promotion.drop(hands, SystemClock(), generation)
    if json_output:
        document = {"generation": generation, "redis_keys": freed.redis_keys}
        typer.echo(json.dumps(document | {"clickhouse_tables": freed.clickhouse_tables}))
    else:
        typer.echo(
            f"generation {generation} is dropped: {freed.redis_keys} keys, {freed.clickhouse_tables} tables"
        )


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (generations, promote, rollback, drop):
        app.command()(command)


def _tell(flip: "Flip", json_output: bool) -> None:
    if json_output:
        document = {"generation": flip.generation, "previous": flip.previous, "rollback": flip.rollback}
        took = {"fact_ms": round(flip.fact_ms, 1), "pointers_ms": round(flip.pointers_ms, 1)}
        typer.echo(json.dumps(document | {"parity_run_id": flip.parity_run_id} | took))
        return
    total = flip.fact_ms + flip.pointers_ms
    typer.echo(
        f"generation {flip.generation} is live, after {flip.previous}: {total:.0f} ms, of which the log's "
        f"yes {flip.fact_ms:.0f} ms and both stores' pointers {flip.pointers_ms:.0f} ms"
    )


def _table(found: list["Generation"]) -> Table:
    rows = Table("generation", "live", "worker", "behind the log", "behind the live one", box=None)
    rows.add_column("last parity", overflow="fold")
    for one in found:
        parity = one.parity
        said = "" if parity is None else f"with {parity.other}: {'equal' if parity.equal else 'differs'}"
        if parity is not None:
            said += f", {iso(parity.at)[:16]}"
        marks = "live" if one.live else "", "yes" if one.worker else ""
        rows.add_row(str(one.number), *marks, str(one.lag), str(one.behind), said)
    return rows
