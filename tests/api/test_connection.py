"""What one client may cost before there is a request: bytes, lines, seconds, connections, a queue."""

import asyncio
import logging

import pytest

from api import serve
from api.door import connection, turns
from api.door.connection import MAX_HEAD, MAX_HEADERS, PIPELINED
from api.door.turns import Turns
from tests.api.wire import Client, Wire, get, played

TOKEN = "Authorization: Bearer a.very.secret"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "LOOK_S", 0.02)
    monkeypatch.setattr(turns, "LAST_S", 0.1)


async def drip(client: Client, data: bytes, seconds: float = 3.0) -> None:
    """Some bytes at a time, while the server listens."""
    for start in range(0, len(data), 4):
        if client.writer.is_closing():
            return
        client.writer.write(data[start : start + 4])
        await asyncio.sleep(0.01)
    await asyncio.sleep(seconds)


def dated(answer: bytes) -> bool:
    """Whether its head has the date, as every answer's."""
    return b"\r\ndate: " in answer.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(("sent", "said"), [
    (b"", b""), (b"\r\n" * 500, b""), (b"GE", b"HTTP/1.1 408 "),
    (get("/a")[:-2] + b"X: 1\r\n" * 500, b"HTTP/1.1 408 "),
])  # fmt: skip
def test_who_does_not_come_to_the_end_of_a_head_is_cut(
    monkeypatch: pytest.MonkeyPatch, sent: bytes, said: bytes
) -> None:
    monkeypatch.setattr(turns, "HEAD_S", 0.3)
    monkeypatch.setattr(connection, "MAX_HEADERS", 1_000)

    async def scene(at: Wire) -> None:
        client = await at.client()
        dripping = asyncio.create_task(drip(client, sent))
        heard = await client.rest()
        assert heard.startswith(said) and bool(heard) == bool(said) == dated(heard)
        dripping.cancel()
        await at.until(lambda: at.connections == 0)
        assert not at.app.scopes

    played(scene)


@pytest.mark.parametrize("sent", [
    get("/" + "a" * MAX_HEAD), get("/", "X: " + "a" * MAX_HEAD), get("/", *["X-Much: " + "a" * 1_000] * 70),
    get("/", *["X: a"] * MAX_HEADERS), b"GET / HTTP/1.1\r\nX: " + b"a" * (2 << 20),
    get("/", "Transfer-Encoding: chunked") + b"1;" + b"a" * (1 << 20),
    get("/", "Transfer-Encoding: chunked") + b"1\r\na\r\n0\r\n" + b"X: a\r\n" * 20_000,
])  # fmt: skip
def test_a_head_is_bounded(sent: bytes) -> None:
    async def scene(at: Wire) -> None:
        client = await at.client()
        writing = asyncio.create_task(client.say(sent))
        refused = await client.rest()
        assert refused.startswith(b"HTTP/1.1 431 ") and dated(refused)
        await asyncio.wait([writing])
        writing.exception()
        await at.until(lambda: at.connections == 0)

    played(scene)


def test_a_large_head_within_the_bounds_is_served_in_whatever_pieces() -> None:
    sent = get("/ok", *["X: " + "a" * 800] * 75)

    async def scene(at: Wire) -> None:
        client = await at.client()
        await client.say(sent[:30_000])
        await asyncio.sleep(0.05)
        await client.say(sent[30_000:])
        assert (await client.until(b"/ok ")).startswith(b"HTTP/1.1 200 OK\r\n")
        await client.say(sent)
        await client.until(b"/ok ")

    played(scene)


def test_beyond_so_many_connections_the_next_is_told_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "MAX_CONNECTIONS", 3)

    async def scene(at: Wire) -> None:
        clients = [await at.client() for _ in range(3)]
        await at.until(lambda: at.connections == 3)
        refused = await (await at.client()).rest()
        assert (
            refused.startswith(b"HTTP/1.1 503 ") and b"\r\nretry-after: 1\r\n" in refused and dated(refused)
        )
        for client in clients:
            await client.say(get("/a"))
            await client.until(b"/a ")
        clients[0].writer.close()
        await at.until(lambda: at.connections == 2)
        again = await at.client()
        await again.say(get("/b"))
        await again.until(b"/b ")

    played(scene)


def test_an_idle_connection_is_cut_and_one_that_works_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "IDLE_S", 0.3)
    monkeypatch.setattr(turns, "HEAD_S", 0.3)

    async def scene(at: Wire) -> None:
        idle, busy = await at.client(), await at.client()
        await idle.say(get("/a"))
        await busy.say(get("/slow"))
        await idle.until(b"/a ")
        assert await idle.rest() == b""
        await asyncio.sleep(0.5)
        at.app.go.set()
        await busy.until(b"/slow ")

    played(scene)


def test_answers_come_in_the_order_of_requests() -> None:
    async def scene(at: Wire) -> None:
        client = await at.client()
        await client.say(get("/slow") + get("/b", method="POST", body=b"body") + get("/c"))
        await asyncio.sleep(0.05)
        assert [scope["path"] for scope in at.app.scopes] == ["/slow"]
        at.app.go.set()
        heard = await client.until(b"/c ")
        assert heard.index(b"/slow ") < heard.index(b"/b body") < heard.index(b"/c ")

    played(scene)


def test_what_is_sent_before_an_answer_is_bounded_and_what_was_taken_is_answered() -> None:
    async def scene(at: Wire) -> None:
        client = await at.client()
        await client.say(get("/slow") + get("/a") * 500)
        await at.until(lambda: bool(at.app.scopes))
        (one,) = at.server.server_state.connections
        assert isinstance(one, Turns) and len(one.pipeline) == PIPELINED
        at.app.go.set()
        heard = await client.rest()
        assert heard.count(b"HTTP/1.1 200 OK") == 1 + PIPELINED
        assert heard.count(b"connection: close") == 1
        assert heard.rindex(b"HTTP/1.1") < heard.index(b"connection: close")

    played(scene)


def test_while_requests_are_queued_nothing_more_is_read() -> None:
    async def scene(at: Wire) -> None:
        client = await at.client()
        await client.say(get("/slow") + get("/a", method="POST", body=b"1234")[:-2])
        await at.until(lambda: bool(at.app.told))  # its body was asked for, and uvicorn would read on
        writing = asyncio.create_task(client.say(b"34" + get("/b", method="POST", body=b"." * 900) * 30_000))
        await asyncio.sleep(0.2)
        assert not writing.done()
        writing.cancel()

    played(scene)


@pytest.mark.parametrize("sent", [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    get("/a", "Content-Length: 1", "Transfer-Encoding: chunked"), get("/a", "Content-Length: -1"),
    get("/a", "Content-Length: 1", "Content-Length: 2"), get("/a", "X : 1"), get("/\xfc"),
    get("api:443", method="CONNECT"),
    get("/a", "Transfer-Encoding: chunked", TOKEN) + b"xyz\r\n",
])  # fmt: skip
def test_what_is_no_request_is_400_and_no_word_of_it_is_logged(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(at: Wire) -> None:
        client = await at.client()
        await client.say(sent)
        heard = await client.rest()
        assert heard.startswith(b"HTTP/1.1 400 ") and b'"code":"malformed_request"' in heard
        await at.until(lambda: at.connections == 0)

    caplog.set_level(logging.DEBUG)
    played(scene)
    assert "secret" not in caplog.text


def test_nonsense_after_a_request_does_not_stand_in_for_its_answer() -> None:
    async def scene(at: Wire) -> None:
        client = await at.client()
        await client.say(get("/slow") + get("/b") + b"nonsense\r\n\r\n")
        await at.until(lambda: bool(at.app.scopes))
        await client.say(b"more of it")
        at.app.go.set()
        heard = await client.rest()
        assert heard.count(b"HTTP/1.1 200 OK") == heard.count(b"HTTP/1.1") == 2
        assert heard.endswith(b"/b ") and heard.count(b"connection: close") == 1

    played(scene)


@pytest.mark.parametrize("behind", [b"", get("/b")])
def test_the_end_of_a_connection_is_told_to_the_request_that_is_served(behind: bytes) -> None:
    async def scene(at: Wire) -> None:
        client = await at.client()
        await client.say(get("/watch") + behind)
        await at.until(lambda: bool(at.app.told))
        if (
            behind
        ):  # nothing is read while one is queued, and so no end either: it shows when something is written
            (one,) = at.server.server_state.connections
            one.transport.abort()
        else:
            client.writer.transport.abort()
        await at.until(lambda: ("/watch", "http.disconnect", b"") in at.app.told)
        await at.until(lambda: not at.server.server_state.tasks)
        assert [scope["path"] for scope in at.app.scopes] == ["/watch"]

    played(scene)


def test_a_client_that_leaves_within_its_body_is_told_to_the_request() -> None:
    async def scene(at: Wire) -> None:
        client = await at.client()
        await client.say(get("/a", "Content-Length: 9") + b"1234")
        await at.until(lambda: bool(at.app.told))
        client.writer.transport.abort()
        await at.until(lambda: at.app.told[-1][1] == "http.disconnect")

    played(scene)


def test_a_trailer_is_no_header() -> None:
    async def scene(at: Wire) -> None:
        client = await at.client()
        chunked = get("/a", "Transfer-Encoding: chunked", method="POST")
        await client.say(chunked + b"4\r\nbody\r\n0\r\nAuthorization: Bearer x\r\n\r\n")
        await client.until(b"/a body")
        assert [name for name, _ in at.app.scopes[0]["headers"]] == [b"host", b"transfer-encoding"]

    played(scene)


@pytest.mark.parametrize("whole", [True, False])
def test_a_request_for_another_protocol_is_served_in_this_one_with_its_body(whole: bool) -> None:
    asking = get(
        "/a", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", method="POST", body=b"GET /x HTTP/1.1"
    )

    async def scene(at: Wire) -> None:
        client = await at.client()
        await client.say(asking if whole else asking[:-15])
        await asyncio.sleep(0.02)
        await client.say(get("/b") if whole else asking[-15:] + get("/b"))
        heard = await client.until(b"/b ")
        assert b"/a GET /x HTTP/1.1" in heard
        assert [scope["path"] for scope in at.app.scopes] == ["/a", "/b"]

    played(scene)


def test_what_comes_of_a_body_after_its_answer_is_passed_over() -> None:
    async def scene(at: Wire) -> None:
        client = await at.client()
        await client.say(get("/early", "Content-Length: 9") + b"1234")
        await client.until(b"/early ")
        await client.say(b"56789" + get("/b"))
        await client.until(b"/b ")

    played(scene)


def test_who_does_not_end_its_body_after_the_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "REST_S", 0.2)

    async def scene(at: Wire) -> None:
        client = await at.client()
        await client.say(get("/early", "Content-Length: 90000"))
        await client.until(b"/early ")
        dripping = asyncio.create_task(drip(client, b"." * 90_000))
        await at.until(lambda: at.connections == 0)
        dripping.cancel()

    played(scene)


def test_who_does_not_read_its_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WRITE_S", 0.3)

    async def scene(at: Wire) -> None:
        at.app.size = 32 << 20
        client = await at.client()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.say(get("/a") + get("/b"))
        await at.until(lambda: bool(at.app.scopes))
        await at.until(lambda: at.connections == 0)

    played(scene)
