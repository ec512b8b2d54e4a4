"""What of an answer stands on the wire: one write where it is whole, uvicorn's way where it is not."""

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from tests.api.wire import Held, Wire, get, played

Headers = list[tuple[bytes, bytes]]


class Tells(Held):
    """Sends these messages, then waits for `go`; remembers what the server refused."""

    def __init__(self, *messages: Message) -> None:
        super().__init__()
        self._messages = messages
        self.refused: list[str] = []

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            await receive()
        for message in self._messages:
            try:
                await send(dict(message))
            except RuntimeError as error:
                self.refused.append(str(error))
        await self.go.wait()


def start(*headers: tuple[bytes, bytes], status: int = 200) -> Message:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(data: bytes = b"", more: bool = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


def size(number: int) -> tuple[bytes, bytes]:
    return b"content-length", b"%d" % number


def heard(sent: bytes, size: int, *messages: Message) -> tuple[tuple[bytes, int], list[str]]:
    """What a client gets up to ``size`` but for dates, how many these are, and which messages the server
    refused."""
    app, got = Tells(*messages), (b"", 0)

    async def scene(at: Wire) -> None:
        nonlocal got
        client = await at.client()
        await client.say(sent)
        got = await client.dateless(size)
        await at.until(lambda: bool(app.scopes))

    played(scene, app)
    return got, app.refused


@pytest.mark.parametrize(("sent", "messages", "said"), [
    (get("/"), [start(size(2)), body(b"ok")], b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"),
    (get("/"), [start(size(0), status=404), body()], b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"),
    (get("/"), [start(status=204), body()], b"HTTP/1.1 204 No Content\r\n\r\n"),
    (get("/"), [start((b"etag", b'"a"'), status=304), body()],
     b'HTTP/1.1 304 Not Modified\r\netag: "a"\r\n\r\n'),
    (get("/", method="HEAD"), [start(size(2)), body(b"ok")], b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"),
    (get("/"), [start(size(2)), body(b"o", True), body(b"k")],
     b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"),
    (get("/"), [start(), body(b"ok")],
     b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    (get("/", "Connection: close"), [start(size(2)), body(b"ok")],
     b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"),
    (get("/"), [start((b"connection", b"close"), size(2)), body(b"ok")],
     b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"),
    (get("/", "Expect: 100-continue", method="POST", body=b"x"), [start(size(2)), body(b"ok")],
     b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"),
])  # fmt: skip
def test_an_answer_stands_on_the_wire_as_it_was_told(
    sent: bytes, messages: list[Message], said: bytes
) -> None:
    assert heard(sent, len(said), *messages) == ((said, 1), [])


@pytest.mark.parametrize(("messages", "why"), [
    ([start((b"x", b"a\r\nset-cookie: b"), size(2)), body(b"ok")], "Invalid HTTP header value."),
    ([start((b"x", b"a\0"), size(2)), body(b"ok")], "Invalid HTTP header value."),
    ([start((b"x\n", b"a"), size(2)), body(b"ok")], "Invalid HTTP header name."),
    ([start(size(1)), body(b"ok")], "Response content longer than Content-Length"),
    ([start(size(3)), body(b"ok")], "Response content shorter than Content-Length"),
    ([start(size(2)), start(size(2))],
     "Expected ASGI message 'http.response.body', but got 'http.response.start'."),
])  # fmt: skip
def test_what_no_client_may_get_is_refused_to_the_application(messages: list[Message], why: str) -> None:
    assert heard(get("/"), 0, *messages)[1] == [why]


def test_an_answer_without_a_body_yet_keeps_its_head() -> None:
    async def scene(at: Wire) -> None:
        client = await at.client()
        await client.say(get("/"))
        await at.until(lambda: bool(at.app.scopes))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.until(b"HTTP")

    played(scene, Tells(start(size(2))))
