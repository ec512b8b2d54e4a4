"""`reelfold dlq list|show|redrive|discard`: records that no worker could read, and what becomes of them."""

import json
import os
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.cli.dlq_settling import discard, redrive
from infra.cli.dlq_words import failed, places, sentences, settled
from infra.cli.stack import JsonFlag
from infra.clock import SystemClock
from infra.settings import Settings

HEX_BYTES = 512
"""Of a long value so much is shown in hex, unless --full is said."""
dlq = typer.Typer(no_args_is_help=True, help="Dead letters: records that no worker could read.")


@dlq.command("list")
def list_(json_output: JsonFlag = False) -> None:
    """Open letters by topic, partition and reason. Example: reelfold dlq list --json"""
    from streams.letters.reading import every_letter, reading
    from streams.letters.settled import summary

    settings, now_ms = Settings.from_env(os.environ), SystemClock().now_ms()
    with sentences(), reading(settings) as reader:
        found = summary(every_letter(reader), settled(settings))
    groups = [found.groups[key].document(now_ms) for key in sorted(found.groups)]
    if json_output:
        typer.echo(json.dumps({"open": found.open, "settled": found.settled, "groups": groups}, indent=1))
        return
    rows = Table("topic", "partition", "reason", "letters", "offsets", "oldest", "newest", box=None)
    for one in groups:
        span = f"{one['first_offset']}..{one['last_offset']}"
        ages = _age(one["oldest_s"]), _age(one["newest_s"])
        rows.add_row(one["topic"], str(one["partition"]), one["reason"], str(one["letters"]), span, *ages)
    if groups:
        Console().print(rows)
    typer.echo(f"{found.open} open, {found.settled} settled")


@dlq.command()
def show(
    place: Annotated[str, typer.Argument(help="topic:partition:offset of the original record.")],
    full: Annotated[bool, typer.Option("--full", help=f"All bytes, not the first {HEX_BYTES}.")] = False,
    json_output: JsonFlag = False,
) -> None:
    """One letter: why, its headers, its bytes, and what can be read of it; sealed fields stay sealed.

    Example: reelfold dlq show rf.playback.v1:0:42
    """
    from infra.cli.dlq_letter import dump, shown
    from infra.registry import load_book
    from streams.letters.reading import every_letter, reading

    settings = Settings.from_env(os.environ)
    (wanted,) = places([place])
    with sentences(), reading(settings) as reader:
        letter = next((one for one in every_letter(reader, wanted.topic) if one.place == wanted), None)
        done = settled(settings)
        if letter is None:
            raise failed(f"no dead letter is from {wanted}; see `reelfold dlq list`")
        document = shown(letter, done.get(str(wanted)), load_book(settings), None if full else HEX_BYTES)
    if json_output:
        typer.echo(json.dumps(document, indent=1))
        return
    for name, value in document.items():
        if name == "hex":
            typer.echo("\n".join(dump(bytes.fromhex(value))))
        elif value is not None:
            typer.echo(f"{name:12} {value if isinstance(value, str | int) else json.dumps(value)}")


dlq.command()(redrive)
dlq.command()(discard)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(dlq, name="dlq")


def _age(seconds: int) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
