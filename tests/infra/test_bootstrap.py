"""The bootstrap's runner on small steps of its own: order, resumption, sentences, Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.bootstrap.runner import Runner, Step
from infra.bootstrap.servers import go_program
from infra.bootstrap.shell import Shell, StepFailed
from infra.cache import Cache

WAIT = """
import sys, pathlib
from infra.bootstrap.__main__ import main
from infra.bootstrap import __main__ as module
from infra.bootstrap.runner import Step
folder = pathlib.Path(sys.argv[1])
def run(shell):
    (folder / "begun").touch()
    shell.run("sleep", "60")
module.steps = lambda cache: [Step("nap", lambda: False, run), Step("next", lambda: False, run, ("nap",))]
sys.exit(main([]))
"""


def _step(folder: Path, name: str, command: str, *needs: str) -> Step:
    """Done when its file is there; the command is shell."""

    def run(shell: Shell) -> None:
        shell.run("sh", "-c", command)
        (folder / name).touch()

    return Step(name, (folder / name).exists, run, needs)


def test_a_failed_run_keeps_what_others_finished_and_the_next_goes_on_from_there(tmp_path: Path) -> None:
    told = tmp_path / "told"

    def steps(second: str) -> list[Step]:
        def says(name: str) -> str:
            return f"sleep 0.2; echo {name} >> {told}"

        return [
            _step(tmp_path, "first", says("first")),
            _step(tmp_path, "second", second),
            _step(tmp_path, "third", says("third"), "first", "second"),
        ]

    with pytest.raises(
        StepFailed, match=r"second failed: sh ended with code 3 \(error: no\); see .*second.log"
    ):
        Runner(steps("echo error: no; exit 3"), tmp_path / "logs").run()
    assert told.read_text() == "first\n"
    Runner(steps("true"), tmp_path / "logs").run()
    assert told.read_text() == "first\nthird\n"


def test_a_registry_that_is_away_is_said_to_be_so(tmp_path: Path) -> None:
    step = _step(tmp_path, "fetch", "echo 'dial tcp: lookup x: no such host'; exit 1")
    with pytest.raises(StepFailed, match="with code 1 because a package registry does not answer"):
        Runner([step], tmp_path / "logs").run()


def test_what_nobody_foresaw_is_still_one_sentence(tmp_path: Path) -> None:
    def run(_: Shell) -> None:
        raise TypeError("unexpected keyword")

    with pytest.raises(StepFailed, match=r"^odd failed: unexpected keyword; see "):
        Runner([Step("odd", lambda: False, run)], tmp_path / "logs").run()


def test_ctrl_c_ends_what_runs_and_begins_nothing_else(tmp_path: Path) -> None:
    environ = {**os.environ, "REELFOLD_CACHE": str(tmp_path / "cache")}
    run = subprocess.Popen(
        [sys.executable, "-c", WAIT, str(tmp_path)], env=environ, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 20
    while not (tmp_path / "begun").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=20)
    assert run.returncode == 130
    assert "interrupted; what is done stays done" in said
    assert "next: started" not in said
    assert "Traceback" not in said


def test_a_go_that_cannot_be_run_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = tmp_path / "tools" / "bin" / "go"
    go.parent.mkdir(parents=True)
    go.write_text("#!/nowhere/python\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert go_program(Cache(tmp_path)) is None
