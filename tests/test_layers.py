"""The import table: data flows left to right, and each third-party client stays in its rooms."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("schemas", "projections", "streams", "api", "infra")
MAY_IMPORT = {
    "schemas": set[str](),
    "infra": {"schemas"},
    "projections": {"schemas"},
    "streams": {"schemas", "projections", "infra"},
    "api": {"schemas", "projections", "infra"},
}
COMPOSITION = ("infra/cli/", "infra/chaos/", "infra/bench/")
"""The CLI is the third composition root, with its fault runs and benchmarks: it may import every room."""
CLIENTS = {
    "faust": ("streams/",),
    "mode": ("streams/",),
    "fastapi": ("api/",),
    "chdb": ("infra/clickhouse_server/",),
    "minio": ("infra/", "projections/renditions/s3.py"),
    "fastavro": ("schemas/",),
}
WITHIN = {
    "api": {
        "door": set[str](),
        "callers": {"door"},
        "reading": {"callers", "door"},
        "events": {"callers", "door", "reading"},
        "uploads": {"callers", "events", "reading"},
    },
    "streams": {
        "batches": set(),
        "letters": {"batches"},
        "folding": set(),
        "lane": {"batches", "folding", "letters"},
        "archive": {"batches", "folding"},
        "replay": {"archive", "batches", "folding"},
        "generations": {"folding", "replay"},
        "parity": {"folding", "generations", "replay"},
        "transcode": set(),
    },
    "infra": {
        "access": set(),
        "bootstrap": set(),
        "clickhouse": set(),
        "clickhouse_server": set(),
        "kafka": set(),
        "kubernetes": set(),
        "redis": set(),
        "demo": {"access"},
        "stack": {"access"},
        "provision": {"access", "clickhouse", "kafka", "stack"},
        "backup": {"access", "kafka", "provision"},
        "chaos": {"access", "demo", "kafka", "stack"},
        "bench": {"access", "bootstrap", "chaos", "kafka", "provision"},
        "cli": {
            *("access", "backup", "bench", "bootstrap", "chaos", "clickhouse", "demo", "kafka"),
            *("provision", "stack"),
        },
    },
}
"""What the packages of a room may import of each other; what stands beside them is the room's own ground."""
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield (node.module or "").partition(".")[0]


def allowed(path: Path) -> Iterator[str]:
    name = path.relative_to(ROOT).as_posix()
    room = name.partition("/")[0]
    for module in imported(path):
        if module in ROOMS and module != room and not name.startswith(COMPOSITION):
            assert module in MAY_IMPORT[room], f"{name} imports {module}"
        if module in CLIENTS:
            assert name.startswith(CLIENTS[module]), f"{name} imports {module}"
        yield module


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_flow_left_to_right(path: Path) -> None:
    list(allowed(path))


@pytest.mark.parametrize("room", WITHIN)
def test_the_packages_of_a_room_import_one_another_in_one_direction(room: str) -> None:
    packages = {path.parent.name for path in FILES if path.relative_to(ROOT).parts[:-2] == (room,)}
    assert packages == WITHIN[room].keys()
    for path in FILES:
        first, package, *rest = path.relative_to(ROOT).parts
        if first == room and rest:
            found = {other for module in modules(path) if (other := within(module, room)) in packages}
            assert found <= WITHIN[room][package] | {package}, path


def modules(path: Path) -> Iterator[str]:
    """The full names of what a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(module: str, room: str) -> str:
    """The package of this room that a module belongs to, or the empty name."""
    first, _, rest = module.partition(".")
    return rest.partition(".")[0] if first == room else ""


def test_folds_know_no_clock_no_client_and_no_chance() -> None:
    banned = {"time", "datetime", "random", "uuid", "redis", "asyncio", "structlog", "clickhouse_connect"}
    pure = ("fold.py", "rows.py", "ladder.py", "queries.py", "recent.py", "playlist.py")
    for path in FILES:
        if path.name in pure and path.is_relative_to(ROOT / "projections"):
            assert banned.isdisjoint(imported(path)), path
