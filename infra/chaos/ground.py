"""A stack to break: every part on free ports, its data in a temporary folder, and nobody who restarts.

The parts are those of the local stack (infra/stack/table.py); a case kills, freezes, starts and arms them
itself, so that the moment of each is known. Several workers run side by side, each in a slot of its own.
"""

import asyncio
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from infra.cache import Cache
from infra.chaos.environment import own_environment
from infra.chaos.proxies import Proxies
from infra.chaos.slots import in_slot
from infra.chaos.waiting import CaseFailed, until
from infra.settings import Settings
from infra.stack.part import Part
from infra.stack.process import Child
from infra.stack.secret_file import local_environment
from infra.stack.table import stack

STORES = ("kafka", "redis", "s3", "registry", "clickhouse")
WORKER = "worker"
_MERELY_INFORMATION = re.compile(r'"level": ?"info"')
ALWAYS = {
    "REELFOLD_RATE_PER_SECOND": "100000",
    "REELFOLD_RATE_BURST": "1000000",
    "REELFOLD_EFFECTORS": "false",
}
"""The load is one machine's, and no case waits for an encoder."""


class Ground:
    """One stack under test. ``settings`` reach its servers directly, past the proxies.

    Parts are named as in `reelfold status`; workers are `worker-0`, `worker-1`, ... by slot.
    """

    def __init__(self, extra: Mapping[str, str] | None = None) -> None:
        self.data = Path(tempfile.mkdtemp(prefix="reelfold-chaos-"))
        self.environment = local_environment(
            own_environment(self.data) | ALWAYS | dict(extra or {}), create=True
        )
        self.settings = Settings.from_env(self.environment)
        self.parts = {part.name: part for part in self.table()}
        self._running: dict[str, Child] = {}
        self._arming: dict[str, dict[str, str]] = {}
        self._frozen: set[str] = set()
        self.proxies = Proxies(self.parts, self.settings)

    def table(self) -> tuple[Part, ...]:
        """The parts, in an order in which each comes after those it waits for."""
        return stack(self.environment, Cache.from_env(os.environ))

    @property
    def apis(self) -> list[str]:
        """Where the API answers."""
        return [f"http://{self.settings.api_host}:{self.settings.api_port}"]

    async def up(self) -> None:
        """Every server, provisioned; the API; one worker."""
        await self.start(*[name for name, part in self.parts.items() if name != WORKER])
        await self.start_worker()

    async def down(self) -> None:
        """Stop everything that runs, last started first, and remove the data."""
        for name in self._frozen.copy():
            self.thaw(name)
        for child in reversed(self._running.values()):
            child.ask_to_stop()
        for child in reversed(self._running.values()):
            await asyncio.to_thread(child.wait, 10.0)
        await self.proxies.stop()
        self._running.clear()
        shutil.rmtree(self.data, ignore_errors=True)

    def close(self) -> None:
        """`down` in a hurry: for a run that was interrupted."""
        for child in reversed(self._running.values()):
            child.wait(0)
        shutil.rmtree(self.data, ignore_errors=True)

    # parts

    async def start(self, *names: str, **environment: str) -> None:
        """Have these parts ready, those before them first; ``environment`` is added to a part's own."""
        for name in names:
            if not self.runs(name):
                await self.start(*(one for one in self.parts[name].after if one in self.parts))
                self.spawn(name, **environment)
        for name in names:
            await self.ready(name)

    def spawn(self, name: str, **environment: str) -> None:
        """Start a part and do not wait for it."""
        part = self.parts[name]
        if part.ready is None and part.done():
            return
        part.prepare()
        self._arming[name] = environment
        self._running[name] = Child(part.command, {**part.environment, **environment}, part.log(self.data))

    async def ready(self, name: str) -> None:
        """Wait until a part that was started is ready; CaseFailed with its last words when it is not."""
        part, child = self.parts[name], self._running.get(name)
        deadline = time.monotonic() + 2 * part.start_s
        while child is not None and not await asyncio.to_thread(_is_ready, part, child):
            if child.code not in (None, 0) or time.monotonic() > deadline:
                raise CaseFailed(f"{name} is not ready (exit code {child.code}):\n{self.said(name)[-1500:]}")
            await asyncio.sleep(0.05)

    def runs(self, name: str) -> bool:
        """Whether the part's process lives (a task: whether it is done)."""
        child = self._running.get(name)
        return child is not None and child.code in ((None,) if self.parts[name].ready else (None, 0))

    def code(self, name: str) -> int | None:
        """A part's exit code, negative for a signal; None while it runs."""
        return self._running[name].code if name in self._running else 0

    def pid(self, name: str) -> int:
        """The part's process."""
        return self._running[name].pid

    def said(self, name: str) -> str:
        """All that a part has written, over all of its lives."""
        log = self.parts[name].log(self.data)
        return log.read_text("utf-8", "replace") if log.exists() else ""

    def last_words(self) -> str:
        """Of every worker that ended by itself."""
        ended = [name for name in self._running if name.startswith(WORKER) and self.code(name) is not None]
        return "; ".join(
            f"{name} ended with {self.code(name)}: {self.said(name).strip()[-300:]}" for name in ended
        )

    def complaints(self) -> list[str]:
        """The last lines of our own parts that are not mere information."""
        names = [name for name in self.parts if name.startswith((WORKER, "api"))]
        lines = [(name, line) for name in names for line in self.said(name).splitlines()[-400:]]
        telling = [
            f"{name}: {line[:400]}" for name, line in lines if line and not _MERELY_INFORMATION.search(line)
        ]
        return telling[-12:]

    def kill(self, name: str) -> None:
        """kill -9 of the part and of what it has started."""
        self._frozen.discard(name)
        self._running.pop(name).wait(0)

    async def stop(self, name: str, within_s: float | None = None) -> int | None:
        """SIGTERM and wait, at most ``within_s`` (the part's own bound) before SIGKILL; the exit code."""
        self.thaw(name)
        child = self._running.pop(name)
        child.ask_to_stop()
        await asyncio.to_thread(child.wait, self.parts[name].stop_s if within_s is None else within_s)
        return child.code

    def freeze(self, name: str) -> None:
        """SIGSTOP of the part and of what it has started: it answers nothing."""
        self._frozen.add(name)
        os.killpg(self.pid(name), signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """SIGCONT, harmless for one that runs."""
        self._frozen.discard(name)
        if name in self._running and self._running[name].code is None:
            os.killpg(self.pid(name), signal.SIGCONT)

    async def ended(self, name: str, within_s: float = 30.0) -> int:
        """Wait until a part ends by itself; its exit code."""
        child = self._running[name]
        await until(lambda: child.code is not None, f"{name} ends by itself", within_s, 0.01)
        self._running.pop(name).wait(0)
        return child.code or 0

    # workers

    def workers(self) -> list[str]:
        """The names of those that live."""
        return [name for name in self._running if name.startswith(f"{WORKER}-") and self.runs(name)]

    def spawn_worker(self, slot: str = "0", **environment: str) -> str:
        """Start a worker in a slot and do not wait; its name. It has no standby: faults hit one process."""
        name = self._place(slot, standby=False)
        self.spawn(name, **environment)
        return name

    async def start_worker(self, slot: str = "0", **environment: str) -> str:
        """A worker in a slot, ready; its name. Say REELFOLD_FAIL_AT to arm it."""
        name = self.spawn_worker(slot, **environment)
        await self.ready(name)
        return name

    async def start_pair(self, slot: str = "0") -> str:
        """A worker with a standby, as the stack runs it, ready; the name of both."""
        name = self._place(slot, standby=True)
        self.spawn(name)
        await self.ready(name)
        return name

    def _place(self, slot: str, standby: bool) -> str:
        name = f"{WORKER}-{slot}{'-standby' if standby else ''}"
        if name not in self.parts:
            self.parts[name] = in_slot(self.parts[WORKER], name, slot, standby)
        return name

    async def restore(self) -> None:
        """As it was before the case: faults ended, every server there, one clean worker in slot 0."""
        self.proxies.behave()
        for name in self._frozen.copy():
            self.thaw(name)
        first = f"{WORKER}-0"
        for name in [one for one in self._running if self.runs(one)]:
            if self._arming.get(name) or (name in self.workers() and name != first):
                await self.stop(name)
        await self.start(*[name for name in self.parts if not name.startswith(WORKER)])
        if not self.runs(first):
            await self.start_worker()


def _is_ready(part: Part, child: Child) -> bool:
    return child.code == 0 if part.ready is None else part.ready()
