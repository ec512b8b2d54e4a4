"""`make mutants`: how many small faults in the code that must not err are noticed by its tests.

    python -m tests.mutants [--only streams/folding/progress.py ...] [--at-least 85] [--fast] [--list]

Two trials run at a time. Results are kept in .mutants.jsonl: what was killed is not tried again while its
module stays as it is, so a run that was stopped goes on, and one after a new test tries the survivors only.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from tests.mutants.equivalent import reason
from tests.mutants.operators import Mutant, mutants
from tests.mutants.running import Task, baseline, try_all
from tests.mutants.table import TABLE, Held
from tests.mutants.written import KILLED, known

AIM = 85.0


def main() -> int:
    """The exit code: 1 below the aim, 2 when the tests fail without any mutant."""
    options = _options()
    chosen = [held for held in TABLE if not options.only or held.module in options.only]
    if options.fast:
        chosen = [replace(held, broker=()) for held in chosen if held.fast]
    every = [Task(held, one) for held in chosen for one in mutants(held.module, held.path.read_text("utf-8"))]
    if not options.list:
        outcomes = known()
        todo = [task for task in every if outcomes.get(task.mutant.identity) not in KILLED]
        _say(f"{len(every)} mutants, {len(every) - len(todo)} known to be killed, {len(todo)} to try")
        red = baseline([held for held in chosen if any(task.held is held for task in todo)])
        if red:
            _say(f"the tests fail without any mutant: {red}")
            return 2
        try_all(todo)
    return _told(chosen, [task.mutant for task in every], options.at_least)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--only", nargs="*", metavar="MODULE", help="such as streams/folding/progress.py")
    parser.add_argument("--at-least", type=float, default=AIM, metavar="PERCENT", help="exit 1 below it")
    parser.add_argument("--fast", action="store_true", help="leave out the tests that need a broker")
    parser.add_argument("--list", action="store_true", help="try nothing, tell what is known")
    return parser.parse_args()


def _told(chosen: Sequence[Held], every: Sequence[Mutant], at_least: float) -> int:
    """Survivors, then the figures by module."""
    outcomes, by_module = known(), {held.module: Counter[str]() for held in chosen}
    for one in every:
        outcome = outcomes.get(one.identity, "untried")
        why = reason(one) if outcome == "survived" else ""
        by_module[one.module]["equivalent" if why else "killed" if outcome in KILLED else outcome] += 1
        if outcome not in KILLED:
            _say(f"{outcome} {one.module}:{one.line} {one.name}: {one.before}  ->  {one.after}  {why}")
    for module, counts in by_module.items():
        _say(_figure(module, counts))
    total = sum(by_module.values(), Counter[str]())
    _say(_figure("all", total))
    return int(100 * total["killed"] < at_least * total.total())


def _figure(name: str, counts: "Counter[str]") -> str:
    share = 100 * counts["killed"] / max(1, counts.total())
    rest = ", ".join(f"{counts[kind]} {kind}" for kind in sorted(counts) if kind != "killed")
    return f"{name:34} {counts['killed']:5} of {counts.total():5} killed {share:6.1f} %   {rest}"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
