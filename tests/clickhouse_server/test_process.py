"""The embedded server as a process: where it listens, how it stops, what a crash leaves."""

import os
import signal
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from infra.clickhouse_server.__main__ import CannotStart, only_loopback
from tests.clickhouse_server.serving import Place, free_port, served, start, wait_until_ready

pytestmark = pytest.mark.servers
THINGS = "CREATE TABLE kept.things (number UInt64) ENGINE = MergeTree ORDER BY number"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "::", "example.org"])
def test_it_listens_on_loopback_only(host: str) -> None:
    with pytest.raises(CannotStart, match="loopback"):
        only_loopback(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_has_three_names(host: str) -> None:
    assert only_loopback(host) in ("127.0.0.1", "::1")


def test_without_passwords_it_does_not_start(tmp_path: Path) -> None:
    process = start(tmp_path, free_port(), passwords=("", ""))
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"REELFOLD_CLICKHOUSE_READER_PASSWORD" in said


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        process = start(tmp_path, other.getsockname()[1])
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"cannot be used" in said
    assert b"Traceback" not in said


def test_a_second_server_on_the_folder_is_told(tmp_path: Path) -> None:
    with served(tmp_path):
        process = start(tmp_path, free_port())
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"is in use by another server process" in said
    assert b"Traceback" not in said


def test_bodies_are_bounded_before_and_after_unpacking(tmp_path: Path) -> None:
    with served(tmp_path, "--body-limit", "100000") as place:
        plain = httpx.post(place.url, content=b" " * 200_000, auth=place.writer)
        packed = httpx.post(
            place.url, content=_bomb(), headers={"Content-Encoding": "zstd"}, auth=place.writer
        )
        assert plain.status_code == packed.status_code == 413
        assert packed.headers["X-ClickHouse-Exception-Code"] == "307"
        assert httpx.get(f"{place.url}/ping").status_code == 200


def _bomb() -> bytes:
    import zstandard

    return zstandard.ZstdCompressor().compress(b" " * 50_000_000)


def test_sigterm_lets_a_running_write_finish(tmp_path: Path) -> None:
    port = free_port()
    process = start(tmp_path, port)
    place = Place(f"http://127.0.0.1:{port}")
    wait_until_ready(place.url)
    client = place.client()
    client.command("CREATE DATABASE kept ENGINE = Atomic")
    client.command(THINGS)
    slow = threading.Thread(
        target=client.command,
        args=("INSERT INTO kept.things SELECT number + sleepEachRow(0.01) FROM numbers(100)",),
    )
    slow.start()
    time.sleep(0.4)
    process.send_signal(signal.SIGTERM)
    slow.join(timeout=60)
    process.communicate(timeout=60)
    assert process.returncode == 0
    with served(tmp_path) as again:
        assert again.client().query("SELECT count() FROM kept.things").result_rows == [(100,)]


def test_every_row_that_was_confirmed_outlives_kill_9(tmp_path: Path) -> None:
    port = free_port()
    process = start(tmp_path, port)
    place = Place(f"http://127.0.0.1:{port}")
    wait_until_ready(place.url)
    client = place.client()
    client.command("CREATE DATABASE kept ENGINE = Atomic")
    client.command(THINGS)
    killer = threading.Timer(0.5, os.kill, (process.pid, signal.SIGKILL))
    confirmed = 0
    try:
        while True:
            client.insert("kept.things", [[confirmed + n] for n in range(500)], ["number"])
            confirmed += 500
            if confirmed == 500:
                killer.start()
    except ClickHouseError:
        process.communicate(timeout=60)
    with served(tmp_path) as again:
        [(rows, whole)] = (
            again.client().query("SELECT count(), count() % 500 = 0 FROM kept.things").result_rows
        )
    assert confirmed > 0
    assert confirmed <= rows <= confirmed + 500
    assert whole
