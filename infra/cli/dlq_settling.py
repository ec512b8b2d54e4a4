"""`reelfold dlq redrive|discard`: which letters are settled, how, and what became of them."""

import json
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.dlq_words import failed, places, sentences, settled
from infra.cli.stack import JsonFlag
from infra.clock import SystemClock
from infra.settings import Settings

if TYPE_CHECKING:
    from streams.letters.reading import Place
    from streams.letters.redrive import Report, Selection

Places = Annotated[list[str] | None, typer.Argument(metavar="[PLACE]...", help="topic:partition:offset")]
All = Annotated[bool, typer.Option("--all", help="Every open letter.")]
Topic = Annotated[str | None, typer.Option("--topic", help="Only letters from this topic.")]
Partition = Annotated[int | None, typer.Option("--partition", min=0, help="Only from this partition.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Only those with this reason.")]
Most = Annotated[int, typer.Option("--max", min=1, help="Settle at most so many.")]
Because = Annotated[str | None, typer.Option("--because", help="Why, for whoever reads the fact later.")]


def redrive(
    wanted: Places = None,
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
    chosen = _selection(wanted, every, topic, partition, reason)
    with sentences(), reading(settings) as reader:
        judge = settling.Judge(load_book(settings), lambda schema_id: lookup(settings, schema_id))
        report = settling.redrive(
            every_letter(reader, topic),
            chosen,
            settled(settings),
            most,
            judge,
            lambda letters: settling.send_again(settings, letters),
            _teller(settings, redriven=True, why=because),
        )
    _told("redriven", report, json_output)


def discard(
    wanted: Places = None,
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
    chosen = _selection(wanted, every, topic, partition, reason)
    with sentences(), reading(settings) as reader:
        tell = _teller(settings, redriven=False, why=because)
        report = settling.discard(every_letter(reader, topic), chosen, settled(settings), most, tell)
    _told("discarded", report, json_output)


def _teller(settings: Settings, redriven: bool, why: str | None) -> "Callable[[Sequence[Place]], None]":
    from infra.kafka.ops_facts import new_run_id, tell
    from streams.letters.redrive import facts

    clock = SystemClock()
    run_id = new_run_id(clock.now_ms())
    return lambda places: tell(settings, facts(places, redriven, run_id, clock.now_ms(), why))


def _selection(
    words: Sequence[str] | None, every: bool, topic: str | None, partition: int | None, reason: str | None
) -> "Selection":
    from schemas.topics import BY_NAME
    from streams.letters.redrive import Selection

    narrowed = topic is not None or partition is not None or reason is not None
    if not (words or every or narrowed):
        raise failed("say which letters: places, --topic, --partition, --reason, or --all", 2)
    if every and (words or narrowed):
        raise failed("--all is every open letter: say it alone", 2)
    if topic is not None and topic not in BY_NAME:
        raise failed(f"there is no topic {topic!r}; see `reelfold topics`", 2)
    return Selection(frozenset(places(words or ())), topic, partition, reason)


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
