"""The environment of a stack of its own: free ports, and a data folder in a temporary place."""

import os
import socket
import sys
from pathlib import Path

from infra.cache import Cache
from infra.settings import PREFIX


def own_environment(data: Path) -> dict[str, str]:
    """This process's environment without its settings, and the addresses of a new stack."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    kafka, controller, redis, s3, registry, clickhouse, api, web = free_ports(8)
    return kept | {
        "REELFOLD_CACHE": str(Cache.from_env(os.environ).root),
        "REELFOLD_DATA": str(data),
        "REELFOLD_KAFKA_BOOTSTRAP": f"127.0.0.1:{kafka}",
        "REELFOLD_KAFKA_CONTROLLER_PORT": str(controller),
        "REELFOLD_REGISTRY_URL": f"http://127.0.0.1:{registry}/apis/ccompat/v7",
        "REELFOLD_REDIS_URL": f"redis://127.0.0.1:{redis}/0",
        "REELFOLD_CLICKHOUSE_URL": f"http://127.0.0.1:{clickhouse}",
        "REELFOLD_S3_ENDPOINT": f"127.0.0.1:{s3}",
        "REELFOLD_API_PORT": str(api),
        "REELFOLD_WORKER_WEB_PORT": str(web),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different: held together while they are chosen."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()
