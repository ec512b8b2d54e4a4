"""BENCHMARKS.md and its pictures, from what `reelfold bench STAGE --into FOLDER` wrote: no figure is typed.

What people wrote stands in notes.md: what comes before its first heading follows the title, what stands under
the name of a stage comes after its tables, and any other heading at the end.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.bench.plot import number, svg
from infra.bench.versions import ROOT

RESULTS = ROOT / "infra" / "bench" / "results"
NOTES = ROOT / "infra" / "bench" / "notes.md"
REPORT = ROOT / "BENCHMARKS.md"
ORDER = (
    *("fold", "fold-clickhouse", "fold-both", "replay", "ingest", "feed", "fanout", "viral"),
    *("transcode", "latency", "growth"),
)
_COMMON = frozenset({"rate", "slowest", "fastest", "events", "runs", "cpu_us"})
_PART = "cpu_us_"
_TITLE = """# Benchmarks

Every figure below is written by `make bench` and drawn from infra/bench/results/; what people say about them
is kept in infra/bench/notes.md. Ratios are the result: every contender takes its turn in each round, on the
same machine, and the medians count. Processor time is that of all processes together.
"""
Document = Mapping[str, Any]


def documents(folder: Path) -> list[Document]:
    """What was measured, in the order of the stages."""
    found = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    return sorted(found, key=lambda one: ORDER.index(one["stage"]) if one["stage"] in ORDER else len(ORDER))


def pages(folder: Path, notes: str) -> dict[str, str]:
    """The report, named "", and for each stage its picture."""
    stages, said = documents(folder), _sections(notes)
    parts = [_TITLE, said.pop("", ""), _summary(stages) if stages else "Nothing was measured yet."]
    parts += [_stage(one, said.pop(one["stage"], "")) for one in stages]
    parts += [f"## {heading}\n\n{text}" for heading, text in said.items() if heading not in ORDER]
    text = "\n".join(part.rstrip("\n") + "\n" for part in parts if part.strip())
    return {"": text} | {one["stage"]: svg(one) for one in stages}


def write(folder: Path, notes: Path, report: Path) -> list[Path]:
    """Write all of it; answers which files."""
    made = []
    for stage, text in pages(folder, notes.read_text("utf-8") if notes.exists() else "").items():
        made.append(folder / f"{stage}.svg" if stage else report)
        made[-1].write_text(text, "utf-8")
    return made


def _summary(stages: list[Document]) -> str:
    rows = []
    for one in stages:
        met = sum(target["met"] for target in one["targets"])
        missed = ", ".join(target["name"] for target in one["targets"] if not target["met"])
        reached = f"{number(one['ours'])} {one['unit']}"
        word = f"{met} of {len(one['targets'])} met" + (f"; missed: {missed}" if missed else "")
        rows.append([f"[{one['stage']}](#{one['stage']})", reached, word])
    return _table(["stage", "ours", "targets"], rows)


def _stage(one: Document, said: str) -> str:
    machine = one["machine"]
    where = f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, {machine['system']}"
    told = [
        f"Measured {one.get('date', 'at no known time')} at {one['commit']} with `{one.get('command', '')}`"
    ]
    told.append(f"on {where}.")
    notes = "\n".join(f"- {note}" for note in one["notes"])
    picture = f"![{one['stage']}](infra/bench/results/{one['stage']}.svg)"
    parts = [f"## {one['stage']}", "\n".join(told), _contenders(one), _targets(one), notes, picture, said]
    return "\n\n".join(part.strip("\n") for part in parts if part.strip())


def _contenders(one: Document) -> str:
    ours, rows = float(one["ours"]), []
    floors = one["floor"]
    for name, held in sorted(one["figures"].items(), key=lambda item: -item[1]["rate"]):
        own = name not in one["peers"] and name not in floors
        times = "" if own else f"{ours / held['rate']:.2f} x"
        shown = f"**{name}**" if own else f"{name} (floor)" if name in floors else name
        spread = f"{number(held['slowest'])} - {number(held['fastest'])}" if "slowest" in held else ""
        cpu = f"{number(held['cpu_us'])}: {_by_process(held)}" if "cpu_us" in held else ""
        version = one.get("versions", {}).get(name, "")
        rows.append([shown, version, number(held["rate"]), spread, times, cpu, _further(held)])
    heads = ["", "version", one["unit"], "slowest - fastest", "ours is", "CPU us an event", "also"]
    if not any(row[-1] for row in rows):
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    return _table(heads, rows)


def _by_process(held: Mapping[str, float]) -> str:
    spent = {name.removeprefix(_PART): value for name, value in held.items() if name.startswith(_PART)}
    named = {re.sub(r"^bench-\d+$", "worker", name): value for name, value in spent.items()}
    return ", ".join(f"{name} {number(value)}" for name, value in named.items())


def _further(held: Mapping[str, float]) -> str:
    rest = {name: value for name, value in held.items() if name not in _COMMON and not name.startswith(_PART)}
    return ", ".join(f"{name.replace('_', ' ')} {number(value)}" for name, value in rest.items())


def _targets(one: Document) -> str:
    rows = [
        [
            target["name"],
            f"{'at most' if target['most'] else 'at least'} {number(target['want'])}",
            number(target["got"]),
            "met" if target["met"] else "**missed**",
        ]
        for target in one["targets"]
    ]
    return _table(["target", "wanted", "reached", ""], rows) if rows else ""


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _sections(notes: str) -> dict[str, str]:
    """Heading -> text; what stands before the first under ""."""
    return dict(_each_section(notes))


def _each_section(notes: str) -> Iterator[tuple[str, str]]:
    first, *rest = re.split(r"^## +", notes, flags=re.MULTILINE)
    yield "", first
    for part in rest:
        heading, _, text = part.partition("\n")
        yield heading.strip(), text.strip("\n")
