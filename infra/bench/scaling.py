"""`python -m infra.bench.scaling [--write]`: the tables of infra/kubernetes/SCALING.md, from measured costs.

Prints them, or writes them between the page's marks. Exits 1 and says which command is missing when a stage
was not measured; the page is left as it is then.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from infra.bench.assumptions import Assumptions, Machine
from infra.bench.costs import RESULTS, NotMeasured, measured
from infra.bench.scaling_tables import tables
from infra.bench.versions import ROOT

PAGE = ROOT / "infra" / "kubernetes" / "SCALING.md"
BEGIN, END = "<!-- scaling: begin -->", "<!-- scaling: end -->"
EMPTY = (
    "No figures yet: they come of results in `infra/bench/results` (`reelfold bench STAGE --json > "
    "infra/bench/results/STAGE.json` for `ingest`, `fold` and `fold-clickhouse`; `feed` and `transcode` are "
    "taken where they are there) by `python -m infra.bench.scaling --write`."
)
"""What stands between the marks as long as nothing was measured."""


def filled(page: str, between: str) -> str:
    """The page with this between its marks. Raises ValueError unless they are there once each."""
    before, begun, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended or BEGIN in rest or END in after:
        raise ValueError(f"the page needs {BEGIN} and {END}, once each, in this order")
    return f"{before}{BEGIN}\n{between}\n{END}{after}"


def main(arguments: Sequence[str], folder: Path = RESULTS, page: Path = PAGE) -> int:
    """Exit code: 0, or 1 when something was not measured, which is said."""
    try:
        found = tables(measured(folder), Assumptions(), Machine())
    except NotMeasured as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if "--write" in arguments:
        page.write_text(filled(page.read_text("utf-8"), found), "utf-8")
    else:
        sys.stdout.write(f"{found}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
