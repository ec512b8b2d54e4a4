"""A fetch that never comes back: the connection stands, heartbeats pass, no record arrives (faust #175)."""

import time
from dataclasses import replace

from infra.chaos.case import Case, Run
from infra.chaos.environment import free_ports
from infra.chaos.faults import FIRST, again, armed
from infra.chaos.ground import Ground
from infra.chaos.proxy import Proxy
from infra.stack.part import Part
from infra.stack.secret_file import write_private

STUCK = 75
PATIENCE_S = 30.0
LATE_S = 10.0
"""The lag is noticed, and the patience begun, a while after the fetch got stuck."""
_FETCH = b"\x00\x01"
"""The API key in a request's header, after its length."""


class DetourGround(Ground):
    """The broker has one more door, whose address is that of a proxy."""

    def __init__(self) -> None:
        self._door, self._detour = free_ports(2)
        super().__init__()

    def table(self) -> tuple[Part, ...]:
        return tuple(self._with_door(part) if part.name == "kafka" else part for part in super().table())

    async def up(self) -> None:
        await self.proxies.add("kafka", Proxy("127.0.0.1", self._door, self._detour))
        await super().up()

    @property
    def detour(self) -> dict[str, str]:
        """What to add to a part's environment so that it reaches the broker by the proxy."""
        return {"REELFOLD_KAFKA_BOOTSTRAP": f"127.0.0.1:{self._detour}"}

    def _with_door(self, broker: Part) -> Part:
        properties = self.settings.data / "kafka" / "server.properties"

        def prepare() -> None:
            broker.prepare()
            lines = properties.read_text("utf-8").splitlines()
            write_private(properties, "\n".join(map(self._added, lines)) + "\n")

        return replace(broker, prepare=prepare)

    def _added(self, line: str) -> str:
        more = {
            "listeners": f"DETOUR://127.0.0.1:{self._door}",
            "advertised.listeners": f"DETOUR://127.0.0.1:{self._detour}",
            "listener.security.protocol.map": "DETOUR:PLAINTEXT",
        }
        name = line.partition("=")[0]
        return f"{line},{more[name]}" if name in more else line


async def stuck_fetch(run: Run) -> None:
    """The worker's fetches go nowhere: its watchdog ends it, and the next one goes on."""
    ground = run.ground
    assert isinstance(ground, DetourGround)
    await armed(run, **ground.detour)
    proxy = await ground.proxies.before("kafka")
    await run.load.until(200)
    await run.mended()
    proxy.swallow = lambda chunk: chunk[4:6] == _FETCH
    begun = time.monotonic()
    code = await ground.ended(FIRST, 2 * PATIENCE_S + LATE_S)
    took = time.monotonic() - begun
    run.figure("left_after_s", took)
    run.expect(code == STUCK, f"the worker ended with code {code}, not by its watchdog")
    run.expect(took < PATIENCE_S + LATE_S, f"the watchdog took {took:.0f} s")
    proxy.behave()
    await again(run)


CASES = (Case("stuck-fetch", "fetches never come back: the watchdog leaves", stuck_fetch, 90, DetourGround),)
