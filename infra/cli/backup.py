"""`reelfold backup` and `restore`: what cannot be folded again, in a folder, and back."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from infra.cli.stack import JsonFlag
from infra.clock import SystemClock, iso
from infra.settings import Settings

if TYPE_CHECKING:
    from infra.backup.making import Outcome

_MASTER = (
    "The master key (REELFOLD_MASTER_KEY; of a local stack in secrets.json) is not in the backup: keep a "
    "copy elsewhere, without it sealed text stays sealed."
)
_NEXT = (
    "Now `reelfold down` and `reelfold up`, so that every part reads the schema ids anew; then `reelfold "
    "refill` writes the archive back into the log, and the workers fold it."
)


def backup(
    target: Annotated[Path, typer.Argument(metavar="DEST", help="A folder; made when it is not there.")],
    media: Annotated[bool, typer.Option("--media", help="Uploaded originals and renditions too.")] = False,
    erased: Annotated[
        bool, typer.Option("--accept-erasures", help="More than half of a bucket was deleted on purpose.")
    ] = False,
    json_output: JsonFlag = False,
) -> None:
    """Back up archive, sealing keys and schema ids into a folder.

    The log's newest records are archived first. A second run into the same folder moves only what is new.
    Keys that were erased leave the backup too.
    Example: reelfold backup /mnt/backups/reelfold --media
    """
    from infra.backup import making
    from streams.archive.now import archive_now

    settings = Settings.from_env(os.environ)
    clock = SystemClock()
    with _sentences(), _progress() as tell:
        closed = archive_now(settings, clock)
        now = iso(clock.now_ms())
        done = making.backup(settings, target, now, _version(), media, erased, tell)
        told = _told(settings, target, done)
    if json_output:
        document = done.manifest.document() | {"archived_ranges": closed, "moved": dict(done.moved)}
        typer.echo(json.dumps(document | {"dropped": dict(done.dropped), "told": told}, indent=1))
        return
    for part, held in done.manifest.parts.items():
        moved = done.moved.get(part, 0)
        typer.echo(f"{part:<10}{held.objects} objects, {held.bytes} bytes; {moved} moved")
    if not media:
        typer.echo("Originals and renditions are not in it: --media takes them too.")
    typer.echo(_MASTER)


def restore(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="A folder that `reelfold backup` wrote.")],
    merge: Annotated[
        bool, typer.Option("--merge", help="Into the stack it was made of, to bring back what that has lost.")
    ] = False,
    json_output: JsonFlag = False,
) -> None:
    """Bring a backup into an empty stack that is up.

    Every file is checked before anything is written. The stack needs the master key of the one that was
    backed up.
    Example: REELFOLD_MASTER_KEY=... reelfold up && reelfold restore /mnt/backups/reelfold
    """
    from infra.backup import restoring

    settings = Settings.from_env(os.environ)
    with _sentences(), _progress() as tell:
        done = restoring.restore(settings, source, merge, tell)
    if json_output:
        document: dict[str, Any] = {"made_at": done.manifest.made_at, "moved": dict(done.moved)}
        typer.echo(json.dumps(document | {"schemas": done.schemas, "next": _NEXT}, indent=1))
        return
    for part, moved in done.moved.items():
        typer.echo(f"{part:<10}{done.manifest.parts[part].objects} objects checked, {moved} brought back")
    typer.echo(f"registry  {done.schemas} ids brought back" if done.schemas else "registry  has the same ids")
    typer.echo(_NEXT)


def refill(json_output: JsonFlag = False) -> None:
    """Write the archive back into an empty log.

    Every record gets the offset and the time that it had; the workers fold what comes. For a stack that was
    restored and started anew, before it is opened to anybody: it ends when somebody else writes.
    Example: reelfold restore /mnt/backups/reelfold && reelfold down && reelfold up && reelfold refill
    """
    from schemas.archived import DamagedArchive
    from streams.archive import refill as refilling
    from streams.archive.archiving import archive

    settings = Settings.from_env(os.environ)
    with _sentences(), _progress() as tell:
        try:
            written = refilling.refill(settings, archive(settings), tell)
        except (refilling.CannotRefill, DamagedArchive) as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None
    typer.echo(json.dumps({"records": written}) if json_output else f"{written} records written to the log")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (backup, restore, refill):
        app.command()(command)


@contextmanager
def _sentences() -> Iterator[None]:
    """What may go wrong, in one sentence; log lines go to stderr, stdout is the answer's."""
    from confluent_kafka import KafkaException

    from infra.archive_store import ArchiveUnavailable
    from infra.backup.folder import BackupFailed
    from infra.registry import RegistryUnavailable
    from infra.telemetry import configure

    configure("warning", "cli")
    try:
        yield
    except (BackupFailed, RegistryUnavailable, ArchiveUnavailable) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except KafkaException as error:
        typer.echo(f"the log does not answer: {error}; see `reelfold status`", err=True)
        raise typer.Exit(1) from None


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A line on stderr that moves; nothing where stderr is no terminal."""
    screen = Console(stderr=True)
    with screen.status("looking") as line:

        def tell(part: str, done: int, total: int) -> None:
            line.update(f"{part}: {done} of {total}")

        yield tell


def _told(settings: Settings, target: Path, done: "Outcome") -> bool:
    """Tell the log of it, one fact a part; a backup is good without."""
    from infra.kafka.ops_facts import made, new_run_id, tell
    from infra.kafka.publisher import LogUnavailable

    now = SystemClock().now_ms()
    run = new_run_id(now)
    about = [
        {"what": what, "target": str(target.resolve())[-500:], "objects": part.objects}
        | {"bytes": part.bytes, "sha256": part.digest}
        for what, part in done.manifest.parts.items()
    ]
    try:
        tell(settings, *(made("backup.archived", run, now, **fields) for fields in about))
    except LogUnavailable as error:
        typer.echo(f"the backup is written; the log was not told of it: {error}", err=True)
        return False
    return True


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("reelfold")
    except PackageNotFoundError:
        return "source"
