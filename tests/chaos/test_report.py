"""What a person reads after a fault run, also in a narrow window or a log."""

import io

from rich.console import Console

from infra.chaos.case import Outcome
from infra.chaos.report import show


def test_each_case_is_one_line_and_what_else_it_measured_another() -> None:
    figures = {f"part-{nth}_recovery_s": 2.5478939 for nth in range(20)}
    good = Outcome("prober-every-part-killed", 6_132, 8, state_equal=True, recovery_s=3.21, figures=figures)
    bad = Outcome("poison", 10, lost=2, problems=("two letters are missing",))
    written = io.StringIO()
    show([good, bad], Console(file=written, width=80))
    lines = [line.rstrip() for line in written.getvalue().splitlines()]
    assert len(lines) == 6
    assert lines[1].split() == ["prober-every-part-killed", "held", "6,132", "8", "0", "0", "0", "3.2", "s"]
    assert lines[2].startswith("poison ") and " FAILED " in lines[2]
    assert lines[3].startswith("prober-every-part-killed: part-0_recovery_s 2.548, part-1")
    assert lines[4] == "poison: two letters are missing"
    assert lines[5] == "1 of 2 cases FAILED; lost 2, extra 0"
