"""`reelfold parity`: are two generations the same?"""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.cli.operator import operator
from infra.cli.stack import JsonFlag
from infra.clock import SystemClock

if TYPE_CHECKING:
    from streams.parity.report import Report

Number = Annotated[int, typer.Argument(min=1, help="A generation; see `reelfold generations`.")]


def parity(
    left: Number,
    right: Number,
    json_output: JsonFlag = False,
    hold: Annotated[
        float, typer.Option("--hold", min=1, max=3_600, help="Seconds that folds may stand still at most.")
    ] = 60.0,
) -> None:
    """Compare two generations at the same offsets; exits 1 when anything differs.

    Their folds stand still meanwhile, and readers read on. One without a worker is folded up to there first.
    Example: reelfold parity 1 2 --json
    """
    from streams.parity.parity import compare
    from streams.parity.report import document

    with operator() as hands:
        report = compare(hands, SystemClock(), left, right, hold)
    if json_output:
        typer.echo(json.dumps(document(report), indent=1))
    else:
        _show(report, Console())
    raise typer.Exit(0 if report.equal else 1)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(parity)


def _show(report: "Report", screen: Console) -> None:
    rows = Table("what", f"in {report.left}", f"in {report.right}", "", box=None)
    for kind, (one, other) in report.redis.items():
        here, there = (side.count if side else 0 for side in (one, other))
        rows.add_row(f"redis {kind}", str(here), str(there), _mark(one == other))
    for name, (left, right) in report.tables.items():
        rows.add_row(f"clickhouse {name}", str(left.rows), str(right.rows), _mark(left == right))
    screen.print(rows)
    unlike = [one for one in report.kinds if one[2] != one[3]]
    for kind, day, here, there in unlike[:20]:
        screen.print(f"{kind} of {day}: {here} events against {there}", highlight=False)
    for found in report.examples[:20]:
        sides = f"  {report.left}: {found.left}\n  {report.right}: {found.right}"
        screen.print(f"{found.name}\n{sides}", markup=False, highlight=False, soft_wrap=True)
    verdict = "are equal" if report.equal else f"differ in {report.differing} keys or rows"
    screen.print(
        f"Generations {report.left} and {report.right} {verdict}: {report.keys} keys in "
        f"{report.redis_ms} ms, {report.rows} rows in {report.clickhouse_ms} ms; folds stood still for "
        f"{report.held_ms} ms.",
        highlight=False,
    )


def _mark(same: bool) -> str:
    return "equal" if same else "DIFFERS"
