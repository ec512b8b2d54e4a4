"""`reelfold replay` and `recover`: state from the log, and everything from the archive."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.stack import JsonFlag
from infra.memory import peak_mib
from infra.settings import Settings

if TYPE_CHECKING:
    from streams.generations.recover import Recovery
    from streams.replay.replay import ReplayReport


def replay(
    into: Annotated[int, typer.Option("--into", min=1, help="The generation that is filled.")],
    to_time: Annotated[
        str, typer.Option("--to-time", help="Only what was appended before: ISO 8601, or epoch ms.")
    ] = "",
    to_offset: Annotated[
        list[str] | None,
        typer.Option("--to-offset", help="topic/partition=offset, the first not folded; more than once."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="A fold, such as feed; more than once. Else all.")
    ] = None,
    rate: Annotated[int, typer.Option("--rate", min=0, help="Events a second at most; 0 for any.")] = 0,
    json_output: JsonFlag = False,
) -> None:
    """Fold the log again, beside what is live.

    From the archive, then from Kafka, with the folds of this version; no effector runs. Killed or stopped, it
    goes on where it was when it is called again.
    Example: reelfold replay --into 2 --to-time 2026-11-21T14:00:00Z --json
    """
    from infra.clock import SystemClock
    from streams.generations.recover import live_of, tables
    from streams.replay import command as replay_command
    from streams.replay.plan import Bounds, epoch_ms, offsets
    from streams.replay.replaying import opened

    settings = Settings.from_env(os.environ)
    with _sentences():
        bounds = Bounds(epoch_ms(to_time) if to_time else None, offsets(to_offset or ()))
        with opened(settings) as source:
            live = live_of(settings, source).generation
        tables(settings, into)
        request = replay_command.Request(into, bounds, tuple(only or ()), rate)
        report = replay_command.run(settings, request, live, SystemClock(), _told)
    typer.echo(json.dumps(_document(report), indent=1) if json_output else _said(report))


def recover(json_output: JsonFlag = False) -> None:
    """Bring back everything that was lost, from the archive and the log.

    Topics, buckets, tables, the live generation's state in both stores, and the pointer to it; a worker that
    runs goes on by itself. Example: reelfold recover
    """
    from infra.clock import SystemClock
    from streams.generations import recover as recovery

    with _sentences():
        found = recovery.recover(Settings.from_env(os.environ), SystemClock(), _told)
    typer.echo(json.dumps(_recovered(found), indent=1) if json_output else _what(found))


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (replay, recover):
        app.command()(command)


@contextmanager
def _sentences() -> Iterator[None]:
    """What is refused, away or damaged is one sentence and exit code 1."""
    from confluent_kafka import KafkaException

    from infra.archive_store import ArchiveUnavailable
    from infra.clickhouse.migrate import MigrationError
    from infra.kafka.publisher import LogUnavailable
    from infra.provision.steps import ProvisionFailed
    from infra.registry import RegistryUnavailable
    from projections.position import StoreUnavailable
    from schemas.archived import DamagedArchive
    from streams.exits import Stopped
    from streams.folding.progress import LogMismatch
    from streams.replay.plan import Refused

    away = (StoreUnavailable, ArchiveUnavailable, RegistryUnavailable, LogUnavailable, KafkaException)
    try:
        yield
    except (Refused, LogMismatch, DamagedArchive, ProvisionFailed, MigrationError) as error:
        typer.echo(str(error), err=True)
    except away as error:
        typer.echo(
            f"{error}; what was folded stays: the same command goes on. See `reelfold status`", err=True
        )
    except Stopped:
        typer.echo("a record names a schema that neither book, archive nor registry tells of", err=True)
    except KeyboardInterrupt:
        typer.echo("stopped; what was folded stays: the same command goes on", err=True)
    else:
        return
    raise typer.Exit(1)


def _told(report: "ReplayReport") -> None:
    """One line on stderr: over and over on a terminal, line by line elsewhere."""
    left = "" if report.left_s is None else f", {report.left_s:.0f} s left"
    line = f"{report.events} of about {report.total} events, {report.rate:.0f}/s{left}"
    sys.stderr.write(f"\r{line}   " if sys.stderr.isatty() else f"{line}\n")
    sys.stderr.flush()


def _document(report: "ReplayReport") -> dict[str, object]:
    return {
        "generation": report.generation,
        "events": report.events,
        "read": report.read,
        "from_archive": report.archived,
        "unreadable": report.unreadable,
        "seconds": round(report.seconds, 3),
        "events_per_s": round(report.rate, 1),
        "folds": list(report.folds),
        "resumed": report.resumed,
        "peak_mib": round(peak_mib(), 1),
        "cut": {f"{topic}/{number}": offset for (topic, number), offset in sorted(report.cut.items())},
    }


def _said(report: "ReplayReport") -> str:
    return (
        f"generation {report.generation}: {report.events} events in {report.seconds:.1f} s, "
        f"{report.rate:.0f} events/s; {report.archived} of {report.read} records came from the archive"
    )


def _recovered(found: "Recovery") -> dict[str, object]:
    return {
        **_document(found.report),
        "tables_made": list(found.tables),
        "pointer_told_again": found.told_again,
        "caught_up": found.caught_up,
    }


def _what(found: "Recovery") -> str:
    lines = [_said(found.report)]
    if found.tables:
        lines.append(f"tables made: {', '.join(found.tables)}")
    if found.told_again:
        lines.append("the log had forgotten which generation is live: it was told again")
    lines.append("every fold is at the log's end" if found.caught_up else "a worker folds what came since")
    return "\n".join(lines)
