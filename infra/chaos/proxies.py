"""The proxies of a stack under test: one before each server that a case wants to reach through one."""

from collections.abc import Mapping

from infra.chaos.proxy import Proxy
from infra.settings import PREFIX, Settings
from infra.stack.part import Part


class Proxies:
    """Made when they are first asked for; ``settings`` reach the servers of these parts directly."""

    def __init__(self, parts: Mapping[str, Part], settings: Settings) -> None:
        self._parts = parts
        self._settings = settings
        self._found: dict[str, Proxy] = {}

    async def before(self, name: str) -> Proxy:
        """The proxy before a server, the same one each time."""
        if name not in self._found:
            host, port = self._parts[name].listens[0]
            await self.add(name, Proxy(host, port))
        return self._found[name]

    async def add(self, name: str, proxy: Proxy) -> None:
        """Have this one before a server."""
        self._found[name] = await proxy.start()

    async def through(self, *names: str) -> dict[str, str]:
        """What to add to a part's environment so that it reaches `redis` or `clickhouse` by their proxies."""
        urls = {
            "redis": ("REDIS_URL", self._settings.redis_url.get_secret_value()),
            "clickhouse": ("CLICKHOUSE_URL", self._settings.clickhouse_url),
        }
        found = {}
        for name in names:
            variable, url = urls[name]
            port = self._parts[name].listens[0][1]
            found[PREFIX + variable] = url.replace(f":{port}", f":{(await self.before(name)).port}")
        return found

    def behave(self) -> None:
        """No faults from now on."""
        for proxy in self._found.values():
            proxy.behave()

    async def stop(self) -> None:
        """Reset every connection and listen no more."""
        for proxy in self._found.values():
            await proxy.stop()
