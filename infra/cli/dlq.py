"""`reelfold dlq list|show|redrive|discard`: records that no worker could read, and what becomes of them."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.cli.stack import JsonFlag
from infra.clock import SystemClock
from infra.settings import Settings

if TYPE_CHECKING:
    from streams.letters.reading import Place
    from streams.letters.redrive import Report, Selection
    from streams.letters.settled import Settled

HEX_BYTES = 512
"""Of a long value so much is shown in hex, unless --full is said."""
dlq = typer.Typer(no_args_is_help=True, help="Dead letters: records that no worker could read.")
Places = Annotated[list[str] | None, typer.Argument(metavar="[PLACE]...", help="topic:partition:offset")]
All = Annotated[bool, typer.Option("--all", help="Every open letter.")]
Topic = Annotated[str | None, typer.Option("--topic", help="Only letters from this topic.")]
Partition = Annotated[int | None, typer.Option("--partition", min=0, help="Only from this partition.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Only those with this reason.")]
Most = Annotated[int, typer.Option("--max", min=1, help="Settle at most so many.")]
Because = Annotated[str | None, typer.Option("--because", help="Why, for whoever reads the fact later.")]


@dlq.command("list")
def list_(json_output: JsonFlag = False) -> None:
    """Open letters by topic, partition and reason. Example: reelfold dlq list --json"""
    from streams.letters.reading import every_letter, reading
    from streams.letters.settled import summary

    settings, now_ms = Settings.from_env(os.environ), SystemClock().now_ms()
    with _sentences(), reading(settings) as reader:
        found = summary(every_letter(reader), _settled(settings))
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
    (wanted,) = _places([place])
    with _sentences(), reading(settings) as reader:
        letter = next((one for one in every_letter(reader, wanted.topic) if one.place == wanted), None)
        done = _settled(settings)
        if letter is None:
            raise _failed(f"no dead letter is from {wanted}; see `reelfold dlq list`")
        document = shown(letter, done.get(str(wanted)), load_book(settings), None if full else HEX_BYTES)
    if json_output:
        typer.echo(json.dumps(document, indent=1))
        return
    for name, value in document.items():
        if name == "hex":
            typer.echo("\n".join(dump(bytes.fromhex(value))))
        elif value is not None:
            typer.echo(f"{name:12} {value if isinstance(value, str | int) else json.dumps(value)}")


@dlq.command()
def redrive(
    places: Places = None,
    every: All = False,
    topic: Topic = None,
    partition: Partition = None,
    reason: Reason = None,
    most: Most = 1000,
    because: Because = None,
    json_output: JsonFlag = False,
) -> None:
    """Send letters back to their topics as they were; what still cannot be read is left and said.

    Exits 1 when something was left. Example: reelfold dlq redrive --topic rf.playback.v1 --max 100
    """
    from infra.registry import load_book, lookup
    from streams.letters import redrive as settling
    from streams.letters.reading import every_letter, reading

    settings = Settings.from_env(os.environ)
    chosen = _selection(places, every, topic, partition, reason)
    with _sentences(), reading(settings) as reader:
        judge = settling.Judge(load_book(settings), lambda schema_id: lookup(settings, schema_id))
        report = settling.redrive(
            every_letter(reader, topic),
            chosen,
            _settled(settings),
            most,
            judge,
            lambda letters: settling.send_again(settings, letters),
            _teller(settings, redriven=True, why=because),
        )
    _told("redriven", report, json_output)


@dlq.command()
def discard(
    places: Places = None,
    every: All = False,
    topic: Topic = None,
    partition: Partition = None,
    reason: Reason = None,
    most: Most = 1000,
    because: Because = None,
    json_output: JsonFlag = False,
) -> None:
    """Give letters up: they are listed no more. Their bytes stay until the topic lets go of them.

    Example: reelfold dlq discard rf.playback.v1:0:42 --because "a test of the gateway"
    """
    from streams.letters import redrive as settling
    from streams.letters.reading import every_letter, reading

    settings = Settings.from_env(os.environ)
    chosen = _selection(places, every, topic, partition, reason)
    with _sentences(), reading(settings) as reader:
        tell = _teller(settings, redriven=False, why=because)
        report = settling.discard(every_letter(reader, topic), chosen, _settled(settings), most, tell)
    _told("discarded", report, json_output)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(dlq, name="dlq")


def _settled(settings: Settings) -> "Mapping[str, Settled]":
    from infra.ops_facts import every_fact
    from streams.letters.settled import settled

    return settled(every_fact(settings))


def _teller(settings: Settings, redriven: bool, why: str | None) -> "Callable[[Sequence[Place]], None]":
    from infra.ops_facts import new_run_id, tell
    from streams.letters.redrive import facts

    clock = SystemClock()
    run_id = new_run_id(clock.now_ms())
    return lambda places: tell(settings, facts(places, redriven, run_id, clock.now_ms(), why))


def _places(words: Sequence[str]) -> "list[Place]":
    from streams.letters.reading import NotAPlace, Place

    try:
        return [Place.parse(word) for word in words]
    except NotAPlace as error:
        raise _failed(str(error), 2) from None


def _selection(
    words: Sequence[str] | None, every: bool, topic: str | None, partition: int | None, reason: str | None
) -> "Selection":
    from schemas.topics import BY_NAME
    from streams.letters.redrive import Selection

    narrowed = topic is not None or partition is not None or reason is not None
    if not (words or every or narrowed):
        raise _failed("say which letters: places, --topic, --partition, --reason, or --all", 2)
    if every and (words or narrowed):
        raise _failed("--all is every open letter: say it alone", 2)
    if topic is not None and topic not in BY_NAME:
        raise _failed(f"there is no topic {topic!r}; see `reelfold topics`", 2)
    return Selection(frozenset(_places(words or ())), topic, partition, reason)


def _told(done: str, report: "Report", json_output: bool) -> None:
    """Say what became of the selection; exits 1 when letters of it are still open."""
    if json_output:
        document = {
            done: [str(place) for place in report.settled],
            "settled_before": report.before,
            "refused": report.refused,
            "missing": [str(place) for place in sorted(report.missing)],
            "more": report.left,
        }
        typer.echo(json.dumps(document, indent=1))
    else:
        for place, why in report.refused.items():
            typer.echo(f"{place}: {why}", err=True)
        for lacking in sorted(() if report.left else report.missing):
            typer.echo(f"no dead letter is from {lacking}; see `reelfold dlq list`", err=True)
        rest = ", there are more: run it again" if report.left else ""
        before = f", {report.before} settled before" if report.before else ""
        left = f", {len(report.refused)} left as they are" if report.refused else ""
        typer.echo(f"{len(report.settled)} {done}{before}{left}{rest}")
    if report.refused or report.left or report.missing:
        raise typer.Exit(1)


def _age(seconds: int) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


@contextmanager
def _sentences() -> Iterator[None]:
    """What is away is said in one sentence."""
    from confluent_kafka import KafkaException

    from infra.publisher import LogUnavailable
    from infra.registry import RegistryUnavailable

    try:
        yield
    except KafkaException as error:
        raise _failed(f"the log does not answer: {error.args[0]}; see `reelfold status`") from None
    except LogUnavailable as error:
        raise _failed(f"the log did not confirm: {error}; run it again, nothing is counted twice") from None
    except RegistryUnavailable as error:
        raise _failed(f"{error}; run it again when it does") from None


def _failed(sentence: str, code: int = 1) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(code)
