"""`reelfold worker`, `api`, `token`: one process of ours in the foreground, and a token to call it with."""

import os
import sys
from typing import Annotated

import typer

from infra.clock import SystemClock
from infra.settings import InvalidSettings, Settings


def worker() -> None:
    """Run one worker in the foreground.

    The lanes, the folds, the transcoder. Example: reelfold worker
    """
    from infra.access.principals import WORKER

    _become(WORKER, "streams.worker")


def api(
    host: Annotated[str, typer.Option(help="Where to listen; the setting's, if empty.")] = "",
    port: Annotated[int, typer.Option(help="The setting's, if 0.", min=0, max=65535)] = 0,
) -> None:
    """Run the API in the foreground. Example: reelfold api --host 0.0.0.0 --port 8080"""
    from infra.access.principals import API

    settings = Settings.from_env(os.environ)
    address = ["--host", host or settings.api_host, "--port", str(port or settings.api_port)]
    _become(API, "api.serve", *address)


def token(
    user: Annotated[str, typer.Argument(help="The user id: who the bearer of the token is.")],
    device: Annotated[bool, typer.Option("--device", help="An anonymous device instead of a user.")] = False,
) -> None:
    """Print a bearer token of the local stack.

    It is signed with the stack's own secret and good for 15 minutes.
    Example: curl -H "Authorization: Bearer $(reelfold token ann)" http://127.0.0.1:8080/v1/feed/following
    """
    from infra.access.tokens import mint

    settings = Settings.from_env(os.environ)
    try:
        settings.need("jwt_secret")
    except InvalidSettings as error:
        typer.echo(f"{error}: start the stack once, or set it", err=True)
        raise typer.Exit(1) from None
    of_user, of_device = ("", user) if device else (user, "")
    typer.echo(mint(settings, SystemClock().now_ms(), user_id=of_user, device_id=of_device))


def _become(principal: str, *module: str) -> None:
    """Run a module in this process's place; at a broker of ours that holds users, under its own name."""
    from infra.stack.wires import as_principal

    settings = Settings.from_env(os.environ)
    environment = as_principal(os.environ, settings, principal)
    os.execve(sys.executable, [sys.executable, "-m", *module], dict(environment))


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (worker, api, token):
        app.command()(command)
