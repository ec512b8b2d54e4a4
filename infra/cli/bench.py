"""`reelfold bench`: how fast each stage is, beside its peers and its floor."""

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from infra.cli.stack import JsonFlag
from infra.clock import SystemClock

STAGES = (
    "fold",
    "fold-clickhouse",
    "fold-both",
    "replay",
    "ingest",
    "feed",
    "fanout",
    "viral",
    "latency",
    "growth",
    "transcode",
)


def bench(
    stage: Annotated[str, typer.Argument(help=f"One of: {', '.join(STAGES)}.")],
    events: Annotated[int, typer.Option(min=1_000, help="Events of the load.")] = 300_000,
    runs: Annotated[int, typer.Option(min=1, help="Rounds; the medians count.")] = 5,
    video: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="For transcode: a clip of your own.")
    ] = None,
    series: Annotated[
        bool, typer.Option("--series", help="The folds: the rate against the size of batches, too.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 when a target is missed.")] = False,
    json_output: JsonFlag = False,
    into: Annotated[
        Path | None, typer.Option(file_okay=False, help="Write the document to STAGE.json there.")
    ] = None,
) -> None:
    """Measure a stage with its guarantees on, every contender once a round, on a stack of its own.

    Takes minutes: the machine should do nothing else. Example: reelfold bench fold --runs 3 --json
    """
    from infra.bench.batch_series import AXES, batch_series
    from infra.bench.table import STAGES as RUN
    from infra.bench.transcode_stage import transcode

    screen = Console(stderr=True)
    if stage not in STAGES:
        screen.print(f"there is no stage {stage}; there are {', '.join(STAGES)}", highlight=False)
        raise typer.Exit(2)
    if video is not None and stage != "transcode":
        screen.print("only the stage transcode takes a video", highlight=False)
        raise typer.Exit(2)

    def tell(line: str) -> None:
        screen.print(line, highlight=False)

    run = RUN[stage] if video is None else partial(transcode, own=video)
    result = run(events, runs, tell)
    if series and (found := batch_series(stage, events, tell)):
        result.series, result.axes = found, AXES
    document = result.document() | {"date": _today(), "command": _command(stage, events, runs, video)}
    if into is not None:
        into.mkdir(parents=True, exist_ok=True)
        (into / f"{stage}.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    if json_output:
        typer.echo(json.dumps(document, indent=1))
    else:
        result.show(Console())
    if check and not result.met:
        missed = ", ".join(target.name for target in result.targets if not target.met)
        screen.print(f"missed: {missed}", highlight=False)
        raise typer.Exit(1)


def bench_report(
    folder: Annotated[
        Path | None, typer.Argument(exists=True, file_okay=False, help="Where the documents are.")
    ] = None,
) -> None:
    """Write BENCHMARKS.md, and a picture for each stage, from the documents of `reelfold bench --into`.

    Example: reelfold bench-report
    """
    from infra.bench import report

    for path in report.write(folder or report.RESULTS, report.NOTES, report.REPORT):
        typer.echo(path)


def _today() -> str:
    return datetime.fromtimestamp(SystemClock().now_ms() / 1000, UTC).date().isoformat()


def _command(stage: str, events: int, runs: int, video: Path | None) -> str:
    """As it can be given again."""
    own = f" --video {video.name}" if video else ""
    return f"reelfold bench {stage} --events {events} --runs {runs}{own}"


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(bench)
    app.command()(bench_report)
