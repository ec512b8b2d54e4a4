"""`reelfold`: one command for the whole of it. Each module beside this one brings its own commands.

Those modules import what only one command needs (Kafka, S3, HTTP clients) inside that command, so that
`status`, `down` and `--help` answer in a blink.
"""

import os
import sys

import typer

from infra.cli import (
    archive,
    backup,
    bench,
    chaos,
    demo,
    dlq,
    doctor,
    generations,
    log,
    parity,
    replay,
    run,
    show,
    stack,
)
from infra.settings import InvalidSettings
from infra.stack.secret_file import local_environment

app = typer.Typer(
    help="Reelfold: every upload, view, like and follow is an event on Kafka; feeds, counts and playlists "
    "are folds of it. Settings are REELFOLD_* variables; the data folder holds the local stack's secrets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help, in half the time
)
for module in (
    stack,
    demo,
    generations,
    parity,
    replay,
    archive,
    show,
    run,
    log,
    dlq,
    backup,
    bench,
    chaos,
    doctor,
):
    module.add_to(app)


def main() -> None:
    """The console script: the local stack's secrets join the environment, then the command runs."""
    try:
        if sys.argv[1:2] != ["doctor"]:  # it names what is wrong with these itself
            os.environ.update(local_environment(os.environ))
        app()
    except InvalidSettings as error:
        typer.echo(str(error), err=True)
        raise SystemExit(2) from None
    except OSError as error:
        typer.echo(f"this machine does not let us: {error}", err=True)
        raise SystemExit(1) from None
