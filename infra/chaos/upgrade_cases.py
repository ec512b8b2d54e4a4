"""A new version of schemas, folds and tables rolled out under load, beside the old one, and back."""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from infra.access.tokens import mint
from infra.chaos import log
from infra.chaos.case import Case, Run
from infra.chaos.checker import verify
from infra.chaos.environment import free_ports
from infra.chaos.ground import Ground
from infra.chaos.lag import at_ends
from infra.chaos.next_version import write_next_version
from infra.chaos.reading import Reading
from infra.chaos.waiting import CaseFailed
from infra.clients import clickhouse_client
from infra.clock import new_event_id
from infra.demo.simulation import Simulated
from infra.settings import Settings
from infra.stack.health import HttpProbe

NEXT = 2
CAMPAIGN = "autumn"
FIELD = "campaign"
NEXT_API = "api-next"
SHARES = 40
CATCHES_UP_S = 60.0
"""How long a generation may stay too far behind to be gone back to."""
RULE_KIND = "trend"
"""How the kinds of keys begin that the next version's other rule changes; all else must be equal."""
WIDER_TABLE = "events"
"""The table that the next version gives another column: its rows cannot have the sums of the old one's."""
JUDGED_BY_RULE = "trending:"
"""How the checker's sentence on that kind begins; the oracle knows the old rule only."""


class UpgradeGround(Ground):
    """A stack that meets another version of its own code."""


async def rolled_out(run: Run) -> None:
    """Provision, rebuild, compare, promote, roll back: every step by the new version's own commands."""
    source = Path(tempfile.mkdtemp(prefix="reelfold-next-"))
    reading = Reading(run.ground.settings, run.ground.apis, run.load.town)
    try:
        newer = await asyncio.to_thread(_Newer, run.ground, write_next_version(source))
        await run.load.until(400)
        reading.begin()
        await newer.arrives(run)
        await _compared(run, newer)
        await newer.shares(run)
        await _flipped(run, newer)
        await reading.end()
        await _next_is_right(run)
        await newer.flips("rollback")  # the frame looks at the old one, through the same views
        run.figure("reads", reading.asked)
        run.figure("failed_reads", len(reading.failed))
        run.expect(not reading.failed, f"{len(reading.failed)} reads failed, the first: {reading.failed[:1]}")
    finally:
        await reading.end()
        if run.ground.runs(NEXT_API):
            await run.ground.stop(NEXT_API)
        run.ground.parts.pop(NEXT_API, None)
        shutil.rmtree(source, ignore_errors=True)


class _Newer:
    """The next version at work on the same stack: its commands, its worker, its API."""

    def __init__(self, ground: Ground, source: Path) -> None:
        self._ground = ground
        self._code = {"PYTHONPATH": str(source), "PYTHONSAFEPATH": "1", "REELFOLD_GENERATION": str(NEXT)}
        (port,) = free_ports(1)
        part, host = ground.parts["api"], ground.settings.api_host
        words = [str(port) if word == str(ground.settings.api_port) else word for word in part.command]
        self.api = f"http://{host}:{port}"
        ground.parts[NEXT_API] = replace(
            part,
            name=NEXT_API,
            command=tuple(words),
            environment={**part.environment, **self._code, "REELFOLD_API_PORT": str(port)},
            ready=HttpProbe(f"{self.api}/healthz"),
            listens=((host, port),),
            url=self.api,
        )

    async def arrives(self, run: Run) -> None:
        """Schemas and tables first, then its generation from the log, then its worker and its API."""
        await self.runs("provision")
        report = json.loads(await self.runs("replay", "--into", str(NEXT), "--json"))
        run.figure("replayed", report["events"])
        await self._ground.start_worker(str(NEXT), **self._code)
        await self._ground.start(NEXT_API)

    async def runs(self, *words: str, may_fail: bool = False) -> str:
        """One of its commands; what it printed. CaseFailed when it fails and may not, or says nothing."""
        environment = {**self._ground.environment, **self._code}
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "infra.cli", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        if done.returncode and not (may_fail and done.stdout):
            raise CaseFailed(f"`reelfold {' '.join(words)}` of the next version fails: {done.stderr[-500:]}")
        return done.stdout

    async def flips(self, *words: str) -> str:
        """Promote or roll back; as an operator would, again while the other generation is catching up."""
        deadline = time.monotonic() + CATCHES_UP_S
        while True:
            try:
                return await self.runs(*words, "--json")
            except CaseFailed as refused:
                if "records behind" not in str(refused) or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(1.0)

    async def shares(self, run: Run) -> None:
        """Events that only the next version's schema can say; both versions' workers read them."""
        town, now = run.load.town, run.clock.now_ms()
        shared = [
            Simulated(
                town.users[nth % len(town.users)],
                {
                    "event_id": new_event_id(now),
                    "event_type": "video.shared",
                    "occurred_at": now,
                    "share_id": new_event_id(now),
                    "video_id": town.videos[nth % len(town.videos)].video_id,
                    FIELD: CAMPAIGN,
                },
            )
            for nth in range(SHARES)
        ]
        run.load.sent |= {one.event["event_id"]: one for one in shared}
        async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
            for one in shared:
                token = mint(self._ground.settings, now, user_id=one.actor_id)
                answer = await http.post(
                    f"{self.api}/v1/events",
                    json=[one.event],
                    headers={"Authorization": f"Bearer {token}"},
                )
                if answer.status_code != httpx.codes.ACCEPTED:
                    raise CaseFailed(
                        f"the next version's API answered {answer.status_code}: {answer.text[:300]}"
                    )
                run.load.acknowledged[one.event["event_id"]] = one


async def _compared(run: Run, newer: _Newer) -> None:
    """The two generations differ where the rule differs, and nowhere else."""
    text = await newer.runs("parity", str(run.ground.settings.generation), str(NEXT), "--json", may_fail=True)
    report: dict[str, Any] = json.loads(text)
    sides = {**report["redis"], **report["clickhouse"]}
    different = {kind for kind, (left, right) in sides.items() if left != right}
    run.expect(bool(different), "the new rule made no difference: the comparison sees nothing")
    beyond = sorted(kind for kind in different - {WIDER_TABLE} if not kind.startswith(RULE_KIND))
    run.expect(not beyond, f"the generations differ beyond the new rule: {beyond} {report['examples'][:2]}")


async def _flipped(run: Run, newer: _Newer) -> None:
    """Forward, back, and forward again; each flip timed."""
    for words in (("promote", str(NEXT), "--unproved"), ("rollback",), ("promote", str(NEXT), "--unproved")):
        flip = json.loads(await newer.flips(*words))
        run.figure(f"{words[0]}_ms", flip["fact_ms"] + flip["pointers_ms"])
        await run.load.until(200)


async def _next_is_right(run: Run) -> None:
    """The next generation, live now, equals the oracle too, and has what is new."""
    await run.load.finish()
    settings = run.ground.settings.model_copy(update={"generation": NEXT})
    ends = await asyncio.to_thread(log.ends, settings)
    await at_ends(settings, ends, "the next generation is at the log's end", 90.0)
    # From the log's beginning, which is this ground's own: the load had begun before the case did.
    verdict = await asyncio.to_thread(verify, settings, run.load, {}, ends, run.parked)
    wrong = [problem for problem in verdict.problems if not problem.startswith(JUDGED_BY_RULE)]
    run.problems += [f"generation {NEXT}: {problem}" for problem in wrong]
    told = await asyncio.to_thread(_told_campaigns, settings)
    run.expect(told == SHARES, f"{told} of {SHARES} new fields are in the next generation's rows")


def _told_campaigns(settings: Settings) -> int:
    client = clickhouse_client(settings)
    try:
        events = f"{settings.clickhouse_database}.events_g{NEXT} FINAL"
        asked = client.query(
            f"SELECT count() FROM {events} WHERE JSONExtractString(props, {{name:String}}) = {{said:String}}",
            parameters={"name": FIELD, "said": CAMPAIGN},
        )
        return int(asked.result_rows[0][0])
    finally:
        client.close()


CASES = (
    Case(
        "upgrade",
        "schema, fold and table of the next version beside this one: built, compared, promoted, rolled back",
        rolled_out,
        seconds=90.0,
        ground=UpgradeGround,
    ),
)
