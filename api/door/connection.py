"""A connection at the door: uvicorn's HTTP/1.1 over httptools, with the bounds that it lacks.

A head is at most MAX_HEAD bytes in MAX_HEADERS lines. Requests that come before their predecessor is answered
wait in a queue of PIPELINED, and nothing more is read meanwhile. Times are api.door.turns' business, bodies
api.door.bounds'.
"""

import asyncio
import math
from functools import lru_cache
from urllib.parse import unquote

import httptools

from api.door.answering import Answer
from api.door.turns import Turns

MAX_HEAD = 64 << 10
MAX_HEADERS = 100
PIPELINED = 32
SHORT = 64
"""Bytes of a URL that may be remembered with what it means: most requests ask for one of a few."""


class Connection(Turns):
    """What the parser finds in what one client sends."""

    _moved = False
    """Whether the read at hand ended a head, held a byte of a body, or ended a request."""
    _stray = 0
    """Bytes of reads that moved nothing: of a head without end, of what may stand around a body."""
    _head = 0
    """Bytes of what is parsed of the head."""
    _status = 400

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._moved = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as rest:
            self._stay(data[rest.args[0] :])
        except httptools.HttpParserError:
            self._refuse(self._status)
        else:
            if not self._moved:
                self._stray += len(data)
                if self._stray > MAX_HEAD:
                    self._refuse(431)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head = self._stray = 0
        if self._running is None:
            self._within(self._patience())

    def on_url(self, url: bytes) -> None:
        self._head += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += len(name) + len(value) + 4
        if self._head > MAX_HEAD or len(self.headers) == MAX_HEADERS:
            self._stop(431)
        if self._in_head:  # a trailer comes after the headers were judged: it must not become one
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        if len(self.pipeline) == PIPELINED:
            self._stop(400)
        self._enter(self._asked())
        self._in_head, self._in_body, self._moved = False, True, True
        if self._running is not None and not self.flow.write_paused:
            self.deadline = math.inf

    def _asked(self) -> Answer:
        """The request, whose head is whole; a URL that is none raises."""
        version = self.parser.get_http_version()
        raw_path, query, path = (_address if len(self.url) <= SHORT else _parsed)(self.url)
        self.scope["http_version"] = version
        self.scope["method"] = self.parser.get_method().decode("ascii")
        self.scope["path"] = path
        self.scope["raw_path"] = raw_path
        self.scope["query_string"] = query
        return Answer(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,  # the date
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )

    def on_body(self, body: bytes) -> None:
        self._moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._in_body, self._moved = False, True
        if self.cycle.response_complete:
            self._within(self._patience())
        super().on_message_complete()

    def _stop(self, status: int) -> None:
        """Have the parser stop here; `data_received` refuses."""
        self._status = status
        raise ValueError(status)

    def _stay(self, rest: bytes) -> None:
        """Serve a request that would leave HTTP/1.1 as if it had not asked: the parser would skip its body.

        Java's client asks for h2c with its first request, be it a POST.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._refuse(400)
            return
        head = [b"%s %s HTTP/%s\r\n" % (method, self.url, self.parser.get_http_version().encode())]
        head += [b"%s: %s\r\n" % one for one in self.headers if one[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.data_received(b"".join([*head, b"\r\n", rest]))


def _parsed(url: bytes) -> tuple[bytes, bytes, str]:
    """(raw path, query, path) of a request's URL; what is none raises."""
    asked = httptools.parse_url(url)
    path = asked.path.decode("ascii")
    return asked.path, asked.query or b"", unquote(path) if "%" in path else path


_address = lru_cache(maxsize=1024)(_parsed)
