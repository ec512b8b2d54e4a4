"""What the operators' commands share: their hands, and one sentence for whatever is refused or away."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from infra.settings import Settings

if TYPE_CHECKING:
    from streams.generations.operating import Operator


@contextmanager
def operator() -> Iterator["Operator"]:
    """Hands for a command; what is refused or away becomes one sentence, and exit code 1."""
    from confluent_kafka import KafkaException

    from infra.archive_store import ArchiveUnavailable
    from infra.clickhouse.migrate import MigrationError
    from infra.kafka.publisher import LogUnavailable
    from infra.registry import RegistryUnavailable
    from projections.position import StoreUnavailable
    from streams.folding.progress import LogMismatch
    from streams.generations.generations import Refused
    from streams.generations.operating import operating
    from streams.replay.plan import Refused as ReplayRefused

    away = (StoreUnavailable, LogUnavailable, RegistryUnavailable, ArchiveUnavailable)
    try:
        with operating(Settings.from_env(os.environ)) as hands:
            yield hands
    except (Refused, ReplayRefused) as error:
        raise _failed(str(error)) from None
    except (*away, MigrationError, LogMismatch) as error:
        raise _failed(f"{error}; see `reelfold status`") from None
    except KafkaException as error:
        why = error.args[0].str() if hasattr(error.args[0], "str") else error
        raise _failed(f"the log does not answer: {why}; see `reelfold status`") from None


def _failed(sentence: str) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(1)
