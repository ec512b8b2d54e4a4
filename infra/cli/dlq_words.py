"""What the commands of `reelfold dlq` have in common: places in words, what is settled, what is away."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from infra.settings import Settings

if TYPE_CHECKING:
    from streams.letters.reading import Place
    from streams.letters.settled import Settled


def settled(settings: Settings) -> "Mapping[str, Settled]":
    """Letters that are settled, by place."""
    from infra.kafka.ops_facts import every_fact
    from streams.letters import settled as settling

    return settling.settled(every_fact(settings))


def places(words: Sequence[str]) -> "list[Place]":
    """topic:partition:offset as places; exits 2 with what is wrong with one."""
    from streams.letters.reading import NotAPlace, Place

    try:
        return [Place.parse(word) for word in words]
    except NotAPlace as error:
        raise failed(str(error), 2) from None


@contextmanager
def sentences() -> Iterator[None]:
    """What is away is said in one sentence."""
    from confluent_kafka import KafkaException

    from infra.kafka.publisher import LogUnavailable
    from infra.registry import RegistryUnavailable

    try:
        yield
    except KafkaException as error:
        raise failed(f"the log does not answer: {error.args[0]}; see `reelfold status`") from None
    except LogUnavailable as error:
        raise failed(f"the log did not confirm: {error}; run it again, nothing is counted twice") from None
    except RegistryUnavailable as error:
        raise failed(f"{error}; run it again when it does") from None


def failed(sentence: str, code: int = 1) -> typer.Exit:
    """To be raised: the sentence is said."""
    typer.echo(sentence, err=True)
    return typer.Exit(code)
