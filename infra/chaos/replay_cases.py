"""A rebuild beside the live folds, killed on the way: it goes on where it was, and ends equal."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from infra.chaos.case import Case, Run
from infra.chaos.waiting import CaseFailed

BESIDE = 2
RATE = 300
"""Records a second: slow enough to be killed on the way, twice."""
KILLS = 2


async def killed_on_the_way(run: Run) -> None:
    """Replay from the log's beginning into generation 2 under load; kill -9 twice; resume; compare; drop."""
    await run.load.until(600)
    words = ["replay", "--into", str(BESIDE)]
    for _ in range(KILLS):
        replay = _started(run, *words, "--rate", str(RATE))
        try:
            await asyncio.sleep(run.random.uniform(3.0, 5.0))
            if replay.poll() is None:
                os.kill(replay.pid, signal.SIGKILL)
                run.kills += 1
            elif replay.returncode:
                raise CaseFailed(
                    f"the replay ended with code {replay.returncode}: {_log(run).read_text()[-500:]}"
                )
        finally:
            replay.kill()
            replay.wait()
    run.expect(run.kills == KILLS, "the replay was over before it could be killed")
    report = json.loads(await _done(run, *words, "--json"))
    run.figure("replayed", float(report.get("events", 0)))
    await _done(run, "parity", str(run.ground.settings.generation), str(BESIDE))
    await _done(run, "drop", str(BESIDE))
    await run.mended()


def _log(run: Run) -> Path:
    return run.ground.data / "logs" / "replay.log"


def _started(run: Run, *words: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "infra.cli", *words]
    with _log(run).open("ab") as log:
        return subprocess.Popen(command, env=run.ground.environment, stdout=log, stderr=log)


async def _done(run: Run, *words: str) -> str:
    """The command's output; CaseFailed when it fails."""
    process = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "infra.cli", *words],
        env=run.ground.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if process.returncode:
        raise CaseFailed(
            f"`reelfold {' '.join(words)}` ended with {process.returncode}: {process.stderr[-500:]}"
        )
    return process.stdout


CASES = (Case("kill9-replay", "a rebuild beside live is killed twice and resumed", killed_on_the_way, 60),)
