"""`reelfold archive status` and `verify`: what is kept of the log outside of it."""

import json
import os
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.cli.stack import JsonFlag
from infra.settings import Settings

if TYPE_CHECKING:
    from streams.archive.status import PartitionStatus
    from streams.folding.progress import Key

archive = typer.Typer(
    help="The archive: closed ranges of the log in S3, from which any state can be folded again.",
    no_args_is_help=True,
)


@archive.command()
def status(json_output: JsonFlag = False) -> None:
    """Say what is archived, by partition; exits 1 when there is a gap.

    Example: reelfold archive status --json
    """
    from infra.archive_store import ArchiveUnavailable
    from schemas.archived import DamagedArchive
    from streams.archive import status as archive_status
    from streams.archive.archiving import archive as of

    settings = Settings.from_env(os.environ)
    try:
        found = archive_status.status(of(settings), _bounds(settings))
    except (ArchiveUnavailable, DamagedArchive) as error:
        raise _failed(str(error)) from None
    if json_output:
        typer.echo(json.dumps([one.document() for one in found], indent=1))
    else:
        Console().print(_table(found))
    gaps = [(one.key, hole) for one in found for hole in one.holes]
    for (topic, partition), hole in gaps:
        typer.echo(
            f"a gap: {topic}/{partition} offsets {hole.start} to {hole.next - 1} are nowhere", err=True
        )
    raise typer.Exit(1 if gaps else 0)


@archive.command()
def verify(
    topic: Annotated[str, typer.Option(help="One topic only; see `reelfold topics`.")] = "",
    json_output: JsonFlag = False,
) -> None:
    """Read every file and compare it with its manifest; exits 1 when one is wrong.

    Example: reelfold archive verify --topic rf.playback.v1
    """
    from infra.archive_store import ArchiveUnavailable
    from schemas.topics import BY_NAME
    from streams.archive import status as archive_status
    from streams.archive.archiving import archive as of

    if topic and topic not in BY_NAME:
        raise _failed(f"there is no topic {topic!r}; see `reelfold topics`")
    keys = [key for key in _keys() if not topic or key[0] == topic]
    try:
        found = list(archive_status.verify(of(Settings.from_env(os.environ)), keys))
    except ArchiveUnavailable as error:
        raise _failed(str(error)) from None
    wrong = [reason for _, reason in found if reason]
    if json_output:
        typer.echo(json.dumps({"files": len(found), "wrong": wrong}, indent=1))
    else:
        typer.echo("\n".join([*wrong, f"{len(found)} files, {len(wrong)} wrong"]))
    raise typer.Exit(1 if wrong else 0)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(archive, name="archive")


def _keys() -> "list[Key]":
    from schemas.topics import BY_NAME
    from streams.archive.archiver import ARCHIVED_TOPICS

    return [(name, number) for name in ARCHIVED_TOPICS for number in range(BY_NAME[name].partitions)]


def _bounds(settings: Settings) -> "dict[Key, tuple[int, int] | None]":
    """Where the log begins and ends, by partition; None all over when it does not answer."""
    from confluent_kafka import KafkaException

    from infra.kafka.reading import topic_states

    logs: dict[Key, tuple[int, int] | None] = dict.fromkeys(_keys())
    try:
        states = topic_states(settings)
    except KafkaException:
        typer.echo("the log does not answer: gaps between it and the archive are not looked for", err=True)
        return logs
    for state in states:
        for number, bounds in enumerate(state.offsets):
            if (state.topic.name, number) in logs:
                logs[state.topic.name, number] = bounds
    return logs


def _table(found: "list[PartitionStatus]") -> Table:
    rows = Table("partition", "ranges", "first..next", "rows", "bytes", "log", box=None)
    for one in found:
        span = "-" if one.first is None else f"{one.first}..{one.next}"
        log = "?" if one.log is None else f"{one.log[0]}..{one.log[1]}"
        rows.add_row(f"{one.key[0]}/{one.key[1]}", str(one.ranges), span, str(one.rows), str(one.bytes), log)
    return rows


def _failed(sentence: str) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(1)
