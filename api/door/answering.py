"""An answer on the wire: uvicorn's, its head and its body in one write.

Two writes are two packets and two system calls, a third of what a small answer costs. ASGI asks for it too:
nothing is sent before the first message of a body.
"""

from collections.abc import Iterable
from typing import Any

from starlette.types import Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_CONTROLS = bytes(byte for byte in (*range(32), 127) if byte != 9)
_OF_THE_CONNECTION = (b"connection", b"transfer-encoding")


async def answer(send: Send, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
    """Send a whole answer past the framework's response: its size, and these headers."""
    sized = [(b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": sized})
    await send({"type": "http.response.body", "body": body})


class Answer(RequestResponseCycle):
    """One request's answer. What is not whole at once goes uvicorn's way, and so does what is wrong."""

    _start: dict[str, Any] | None = None

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start" and not self.response_started:
            self.response_started, self.waiting_for_100_continue = True, False
            self._start = message
            return
        start, self._start = self._start, None
        if start is None:
            await super().send(message)
            return
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            body = message.get("body", b"")
            head = self._head(start, len(body))
            if head is not None and not self.flow.write_paused:
                self._write(head + body)
                return
        self.response_started = False
        await super().send(start)  # type: ignore[arg-type]
        await super().send(message)

    def _head(self, start: dict[str, Any], size: int) -> bytes | None:
        """The head of an answer that says its size; None where there is more to look at."""
        if self.scope["method"] == "HEAD":
            return None
        lines, said = [STATUS_LINE[start["status"]]], -1
        lines += [b"%b: %b\r\n" % one for one in self.default_headers]
        for name, value in start["headers"]:
            if name == b"content-length":
                said = int(value)
            elif name in _OF_THE_CONNECTION:
                return None
            lines.append(b"%b: %b\r\n" % (name, value))
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        head = b"".join(lines)
        # The ends of lines are the only control characters: one within a header would begin another.
        plain = len(head) - len(head.translate(None, _CONTROLS)) == 2 * len(lines)
        return head + b"\r\n" if plain and said == size else None

    def _write(self, data: bytes) -> None:
        """The whole answer. A client that left gets nothing."""
        if self.disconnected:
            return
        self.transport.write(data)
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
