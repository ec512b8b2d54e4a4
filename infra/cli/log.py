"""`reelfold provision`, `topics`, `tail`: the log and what stands around it."""

import json
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.cli.stack import JsonFlag
from infra.settings import Settings

if TYPE_CHECKING:
    from infra.kafka.reading import TopicState


def provision() -> None:
    """Make missing topics, schemas, buckets and tables. Example: reelfold provision"""
    from infra.provision.steps import ProvisionFailed
    from infra.provision.steps import provision as run_provision

    try:
        run_provision(Settings.from_env(os.environ))
    except ProvisionFailed as error:
        raise _failed(str(error)) from None
    typer.echo("topics, schemas, buckets and tables are there")


def topics(json_output: JsonFlag = False) -> None:
    """List the topics: partitions, retention, offsets. Example: reelfold topics --json"""
    from confluent_kafka import KafkaException

    from infra.kafka.reading import topic_states

    try:
        states = topic_states(Settings.from_env(os.environ))
    except KafkaException as error:
        raise _failed(f"the log does not answer: {error.args[0].str()}; see `reelfold status`") from None
    if json_output:
        typer.echo(json.dumps([state.document() for state in states], indent=1))
    else:
        Console().print(_table(states))


def tail(
    topic: Annotated[str, typer.Argument(help="Such as rf.playback.v1; see `reelfold topics`.")],
    from_start: Annotated[bool, typer.Option("--from-start", help="All there is, then go on.")] = False,
    most: Annotated[int, typer.Option("--max", min=0, help="Stop after so many; 0 never does.")] = 0,
    wait_s: Annotated[float, typer.Option("--wait", min=0, help="Stop after so long without one.")] = 0,
) -> None:
    """Print a topic's events as JSON lines.

    They come as they are appended; sealed fields stay sealed.
    Example: reelfold tail rf.engagement.v1 --from-start --max 10
    """
    from confluent_kafka import KafkaException

    from infra.kafka.reading import tail_events
    from infra.registry import RegistryUnavailable
    from schemas.topics import BY_NAME

    if topic not in BY_NAME:
        raise _failed(f"there is no topic {topic!r}; see `reelfold topics`")
    try:
        for event in tail_events(Settings.from_env(os.environ), topic, from_start, most, wait_s):
            sys.stdout.write(json.dumps(event) + "\n")
            sys.stdout.flush()
    except (KafkaException, RegistryUnavailable) as error:
        raise _failed(f"the log cannot be read: {error}") from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except BrokenPipeError:
        # the reader has had enough, as `| head` does: what is still buffered goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (provision, topics, tail):
        app.command()(command)


def _failed(sentence: str) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(1)


def _table(states: list["TopicState"]) -> Table:
    rows = Table("topic", "partitions", "retention", "records", "first..next", box=None)
    for state in states:
        spans = " ".join(f"{first}..{following}" for first, following in state.offsets)
        held = str(sum(following - first for first, following in state.offsets))
        rows.add_row(state.topic.name, str(len(state.offsets)), state.retention, held, spans)
    return rows
