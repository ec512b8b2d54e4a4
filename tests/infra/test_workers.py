"""A worker for each generation that is kept: the file that says so, its parts, their coming and going."""

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infra.settings import Settings
from infra.stack.health import HttpProbe
from infra.stack.kept import FILE, keep, kept, let_go
from infra.stack.part import Part
from infra.stack.status import read_status
from infra.stack.supervisor import Supervisor
from infra.stack.workers import changes, workers
from tests.stack import free_ports


def test_without_a_file_there_is_the_settings_own(tmp_path: Path) -> None:
    assert kept(tmp_path, 3) == (3,)
    assert not let_go(tmp_path, 3, 4)
    assert keep(tmp_path, 3, 4)
    assert not keep(tmp_path, 3, 4)
    assert kept(tmp_path, 3) == (3, 4)
    assert let_go(tmp_path, 3, 3)
    assert kept(tmp_path, 3) == (4,)


def test_wishes_at_the_same_moment_are_all_kept(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda generation: keep(tmp_path, 1, generation), range(2, 30)))
    assert kept(tmp_path, 1) == tuple(range(1, 30))


def test_each_generation_has_a_worker_with_its_own_name_and_pages(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, generation=2, worker_web_port=16066)
    keep(tmp_path, 2, 5)
    own, other = workers(settings, {"REELFOLD_DATA": str(tmp_path)})
    assert (own.name, own.environment["REELFOLD_GENERATION"]) == ("worker", "2")
    assert (other.name, other.environment["REELFOLD_GENERATION"]) == ("worker-g5", "5")
    assert own.url != other.url
    asked = changes(settings, {})
    assert [part.name for part in asked({"api", "worker"})[0]] == ["worker-g5"]
    let_go(tmp_path, 2, 2)
    more, less = asked({"api", "worker", "worker-g5"})
    assert (list(more), list(less)) == ([], ["worker"])
    (tmp_path / FILE).write_text("nonsense", "utf-8")
    assert asked({"api", "worker-g5"}) == ((), ()), "what runs goes on"


def test_parts_come_and_go_while_the_others_run(tmp_path: Path) -> None:
    first, second = (
        _server(name, port) for name, port in zip(("first", "second"), free_ports(2), strict=True)
    )
    wanted = {"first": first}
    supervisor = Supervisor(
        [first],
        tmp_path,
        lambda running: (
            [part for name, part in wanted.items() if name not in running],
            [name for name in running if name not in wanted],
        ),
    )
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(supervisor.run)
        try:
            _until(lambda: _states(tmp_path) == {"first": "ready"})
            pid = read_status(tmp_path).parts[0].pid
            wanted["second"] = second
            _until(lambda: _states(tmp_path) == {"first": "ready", "second": "ready"})
            del wanted["second"]
            _until(lambda: _states(tmp_path) == {"first": "ready"})
            assert not HttpProbe(second.url)()
            assert read_status(tmp_path).state == "ready", "nothing is ill of what is wanted"
            assert read_status(tmp_path).parts[0].pid == pid
        finally:
            supervisor.stop()
        assert running.result(20) == 0


def _server(name: str, port: int) -> Part:
    url = f"http://127.0.0.1:{port}/"
    command = (sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1")
    return Part(name, command, HttpProbe(url), (), dict(os.environ), (("127.0.0.1", port),), url=url)


def _states(data: Path) -> dict[str, str]:
    return {part.name: part.state for part in read_status(data).parts}


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
