"""What a fault run says in the end: a table for people, one document for machines."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from infra.chaos.case import Outcome


def document(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """{cases: [{name, acknowledged, kills, lost, extra, ...}], lost, extra}: Outcome.document of each."""
    return {
        "cases": [one.document() for one in outcomes],
        "lost": sum(one.lost for one in outcomes),
        "extra": sum(one.extra for one in outcomes),
    }


def details(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Each case with what else it measured, how long it took, and why it failed."""
    return [
        one.document()
        | {
            "good": one.good,
            "figures": one.figures,
            "problems": one.problems,
            "seconds": round(one.seconds, 1),
        }
        for one in outcomes
    ]


def show(outcomes: Sequence[Outcome], screen: Console) -> None:
    """The table (events acknowledged, those read again, when all was back), other figures, what was wrong."""
    rows = Table(box=None, pad_edge=False)
    rows.add_column("case", no_wrap=True)
    rows.add_column("")
    for column in ("events", "kills", "lost", "extra", "again", "back"):
        rows.add_column(column, justify="right")
    for one in outcomes:
        rows.add_row(*_row(one))
    screen.print(rows)
    for one in outcomes:
        if one.figures:
            figures = ", ".join(f"{name} {value:,.4g}" for name, value in one.figures.items())
            screen.print(f"{one.name}: {figures}", soft_wrap=True, highlight=False, markup=False)
    for one in outcomes:
        for problem in one.problems:
            screen.print(f"{one.name}: {problem}", soft_wrap=True, highlight=False, markup=False, style="red")
    bad = sum(not one.good for one in outcomes)
    said = f"{bad} of {len(outcomes)} cases FAILED" if bad else f"all {len(outcomes)} cases held"
    total = document(outcomes)
    screen.print(f"{said}; lost {total['lost']}, extra {total['extra']}", highlight=False)


def _row(one: Outcome) -> tuple[str, ...]:
    numbers = (one.acknowledged, one.kills, one.lost, one.extra, one.redelivered)
    held = "[green]held[/green]" if one.good else "[red]FAILED[/red]"
    return one.name, held, *(f"{number:,}" for number in numbers), f"{one.recovery_s:.1f} s"
