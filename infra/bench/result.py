"""What a stage found, for people and for machines. Ratios are the result, absolute numbers are context."""

import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from infra.bench.measure import Runs, middle
from infra.bench.versions import ROOT, version


@dataclass(frozen=True, slots=True)
class Target:
    """Something to reach: ``got`` is at least ``want``, or at most it where ``most``."""

    name: str
    want: float
    got: float
    most: bool = False

    @property
    def met(self) -> bool:
        return self.got <= self.want if self.most else self.got >= self.want


@dataclass(slots=True)
class Result:
    """One stage's. ``figures``: contender -> what it reached."""

    stage: str
    ours: str
    unit: str
    figures: dict[str, dict[str, float]]
    targets: list[Target]
    floor: str = ""
    notes: list[str] = field(default_factory=list)
    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """contender -> (batch size or load, what it reached), to be drawn."""
    axes: tuple[str, str] = ("", "")
    """What the two numbers of a series are."""

    @property
    def met(self) -> bool:
        """Every target."""
        return all(one.met for one in self.targets)

    def document(self) -> dict[str, Any]:
        """As `reelfold bench STAGE --json` prints it."""
        rates = {name: one["rate"] for name, one in self.figures.items()}
        return {
            "stage": self.stage,
            "machine": machine(),
            "commit": commit(),
            "unit": self.unit,
            "ours": rates[self.ours],
            "peers": {name: rate for name, rate in rates.items() if name not in (self.ours, self.floor)},
            "floor": {self.floor: rates[self.floor]} if self.floor else {},
            "figures": self.figures,
            "targets": [asdict(one) | {"met": one.met} for one in self.targets],
            "notes": self.notes,
            "series": self.series,
            "axes": self.axes,
            "versions": {name: text for name in rates if (text := version(name))},
        }

    def show(self, screen: Console) -> None:
        """As tables."""
        rows = Table("", self.unit, "CPU us", "ours is", title=f"{self.stage}", title_justify="left")
        ours = self.figures[self.ours]["rate"]
        for name, one in sorted(self.figures.items(), key=lambda item: -item[1]["rate"]):
            times = "" if name == self.ours else f"{ours / one['rate']:.2f} x"
            rows.add_row(name, f"{one['rate']:,.0f}", f"{one.get('cpu_us', 0):.1f}", times)
        screen.print(rows)
        for target in self.targets:
            word = "met" if target.met else "MISSED"
            sign = "at most" if target.most else "at least"
            screen.print(
                f"  {word}: {target.name}: {target.got:.2f}, {sign} {target.want:g}", highlight=False
            )
        for note in self.notes:
            screen.print(f"  {note}", highlight=False)


def figures(runs: Runs) -> dict[str, dict[str, float]]:
    """Medians, and how far apart the runs were."""
    found = {}
    for name, samples in runs.items():
        mid, rates = middle(samples), [one.rate for one in samples]
        found[name] = {
            "rate": mid.rate,
            "slowest": min(rates),
            "fastest": max(rates),
            "cpu_us": mid.cpu_us,
            **{f"cpu_us_{part}": 1e6 * spent / mid.events for part, spent in mid.cpu_s.items()},
            **mid.more,
            "events": mid.events,
            "runs": len(samples),
        }
    return found


def machine() -> Mapping[str, Any]:
    """What this ran on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def commit() -> str:
    """Of the source, or "unknown" outside a repository."""
    asked = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
