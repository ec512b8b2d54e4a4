"""The command as its users meet it: help with examples, codes and sentences."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jwt
import pytest

from infra.settings import Settings
from tests.stack import Servers, stack_environment

COMMANDS = {
    *("up", "down", "status", "logs", "doctor", "provision", "topics"),
    *("tail", "token", "worker", "api", "demo", "simulate"),
    *("replay", "recover", "generations", "parity", "promote", "rollback", "drop"),
    *("backup", "bench", "bench_report", "restore", "refill", "chaos"),
}


def _run(environ: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "infra.cli", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return stack_environment(tmp_path)


def test_every_command_says_what_it_does_with_an_example(environ: dict[str, str]) -> None:
    from infra.cli.main import app

    said = {
        one.name or one.callback.__name__: one.callback.__doc__
        for one in app.registered_commands
        if one.callback
    }
    assert set(said) == COMMANDS
    assert [name for name, text in said.items() if "Example:" not in (text or "")] == []


def test_a_stack_that_never_ran_is_said_so(environ: dict[str, str]) -> None:
    seen = _run(environ, "status", "--json")
    assert seen.returncode == 1
    assert json.loads(seen.stdout)["message"] == "never started here"
    assert _run(environ, "down").stdout == "nothing was running\n"
    assert "there is no log of 'worker'" in _run(environ, "logs", "worker").stderr


def test_a_wrong_setting_is_named(environ: dict[str, str]) -> None:
    told = _run({**environ, "REELFOLD_API_PORT": "many"}, "status")
    assert told.returncode == 2
    assert told.stderr.startswith("REELFOLD_API_PORT: ")


def test_up_names_a_tool_that_is_missing(environ: dict[str, str], tmp_path: Path) -> None:
    told = _run({**environ, "REELFOLD_CACHE": str(tmp_path / "empty")}, "up")
    assert told.returncode == 1
    assert "Kafka is not in the cache" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_token_is_signed_with_the_stack_s_own_secret(servers: Servers) -> None:
    secret = Settings.from_env(servers.environment).jwt_secret.get_secret_value()
    own = {**os.environ, "REELFOLD_DATA": str(servers.data)}
    token = _run(own, "token", "ann").stdout.strip()
    assert jwt.decode(token, secret, ["HS256"], audience="reelfold")["sub"] == "ann"


def test_secrets_that_cannot_be_read_are_one_sentence_and_never_replaced(
    environ: dict[str, str], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "secrets.json").write_text("{")
    own = {**environ, "REELFOLD_DATA": str(data)}
    for command in ("status", "up"):
        told = _run(own, command)
        assert told.returncode == 2
        assert told.stderr.startswith(f"the secrets in {data}/secrets.json cannot be read: ")
    assert (data / "secrets.json").read_text() == "{"


def test_doctor_finds_secrets_that_others_can_read(environ: dict[str, str], tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "secrets.json").write_text("{}")
    (data / "secrets.json").chmod(0o644)
    told = _run({**environ, "REELFOLD_DATA": str(data)}, "doctor", "--json")
    found = {one["what"]: one for one in json.loads(told.stdout)}
    assert told.returncode == 1
    assert (found["secrets"]["well"], "chmod 600" in found["secrets"]["advice"]) == (False, True)


def test_a_glance_loads_no_client(environ: dict[str, str]) -> None:
    heavy = ["confluent_kafka", "minio", "clickhouse_connect", "httpx", "jwt", "polars", "structlog"]
    code = f"import sys, infra.cli.main; print([name for name in {heavy} if name in sys.modules])"
    seen = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert seen.stdout == "[]\n"


def test_what_is_logged_goes_beside_the_answer(environ: dict[str, str]) -> None:
    code = "from infra.telemetry import Log; Log('infra').warning('log_unavailable'); print('answer')"
    said = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert said.stdout == "answer\n"
    assert "log_unavailable" in said.stderr
