"""What earlier trials found: one JSON line each, the last one of a mutant counts."""

import json
from collections.abc import Mapping
from pathlib import Path

from tests.mutants.operators import Mutant
from tests.mutants.table import ROOT

RESULTS: Path = ROOT / ".mutants.jsonl"
KILLED = ("killed", "timeout")


def known() -> Mapping[str, str]:
    """Mutant -> its outcome."""
    if not RESULTS.exists():
        return {}
    lines = (json.loads(line) for line in RESULTS.read_text("utf-8").splitlines())
    return {line["identity"]: line["outcome"] for line in lines}


def write(mutant: Mutant, outcome: str, seconds: float, said: str) -> None:
    """Append; a line is one write, so that two processes may."""
    line = {
        "identity": mutant.identity,
        "outcome": outcome,
        "module": mutant.module,
        "name": mutant.name,
        "line": mutant.line,
        "change": f"{mutant.before} -> {mutant.after}",
        "seconds": round(seconds, 2),
        "said": said[-500:],
    }
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
