"""The whole stack as one table: who runs, after whom, and how it is known to be ready."""

import sys
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from infra.access.principals import API
from infra.cache import Cache
from infra.settings import PREFIX, Settings
from infra.stack.certificates import certificate, private_key
from infra.stack.health import HttpProbe
from infra.stack.part import Part
from infra.stack.servers import kafka_parts, redis_part, registry_part, s3_part
from infra.stack.wires import as_principal
from infra.stack.workers import workers

_STORES = ("kafka", "redis", "s3", "registry", "clickhouse")


def stack(environment: Mapping[str, str], cache: Cache) -> tuple[Part, ...]:
    """Every part, in an order in which each stands after those it waits for.

    ``environment`` is that of `local_environment`: it carries the secrets, which only our own parts see.
    """
    settings = Settings.from_env(environment)
    plain = {name: value for name, value in environment.items() if not name.startswith(PREFIX)}
    return (
        *kafka_parts(settings, cache, plain),
        redis_part(settings, plain),
        s3_part(settings, cache, plain),
        registry_part(settings, cache, plain),
        clickhouse_part(settings, as_principal(environment, settings, "")),
        _provision(environment),
        *workers(settings, environment),
        *_apis(settings, as_principal(environment, settings, API)),
    )


def clickhouse_part(settings: Settings, environment: Mapping[str, str]) -> Part:
    """The embedded engine behind ClickHouse's HTTP protocol."""
    parts = urlsplit(settings.clickhouse_url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 8123
    own, key = certificate(settings.data, "clickhouse"), private_key(settings.data, "clickhouse")
    return Part(
        name="clickhouse",
        command=(
            *(sys.executable, "-m", "infra.clickhouse_server", "--path", str(settings.data / "clickhouse")),
            *("--host", host, "--port", str(port)),
            *(("--cert", str(own), "--key", str(key)) if settings.stack_tls else ()),
        ),
        ready=HttpProbe(f"{settings.clickhouse_url}/ping", settings.ca_file),
        environment=environment,
        listens=((host, port),),
        url=settings.clickhouse_url,
        stop_s=30.0,
    )


def _provision(environment: Mapping[str, str]) -> Part:
    return Part(
        name="provision",
        command=(sys.executable, "-m", "infra.provision"),
        ready=None,
        after=_STORES,
        environment=environment,
        start_s=120.0,
    )


def _apis(settings: Settings, environment: Mapping[str, str]) -> Iterator[Part]:
    """One process for each port; who balances load goes from one that fails to the next."""
    host = settings.api_host
    for nth, port in enumerate(settings.api_ports, 1):
        yield Part(
            name="api" if nth == 1 else f"api-{nth}",
            command=(
                *(sys.executable, "-m", "api.serve"),
                *("--host", host, "--port", str(port)),
            ),
            ready=HttpProbe(f"http://{host}:{port}/healthz"),
            after=("provision",),
            environment=environment,
            listens=((host, port),),
            url=f"http://{host}:{port}",
            stop_s=15.0,
        )
