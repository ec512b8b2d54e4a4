"""A connection's turns: whose answer is next, and until when something has to happen.

Each connection has one deadline at most. Deadlines are looked at once a second, all connections at once
(api.serve): a timer for each request costs more than that look does.
"""

import asyncio
import math
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.door.refusals import refusal

HEAD_S = 10.0
"""From the connection, or a request's first byte, to the end of its head."""
IDLE_S = 75.0
"""Without a request: longer than load balancers keep a connection, or they would post into a closed one."""
REST_S = 5.0
"""For the rest of a body whose answer is out."""
WRITE_S = 30.0
"""For an answer to be taken by its client."""
LAST_S = 2.0
"""For a refusal to be read: who cuts at once takes it from a client that still sends."""
MAX_CONNECTIONS = 4_096
"""In one process. Whoever comes beyond is told 503 and closed: those that are here go on."""


class Flow(FlowControl):
    """Stays paused while requests are queued, though the one that is served asks for its body."""

    held = False

    def resume_reading(self) -> None:
        if not self.held:
            super().resume_reading()


class Turns(HttpToolsProtocol):
    """One client: answers in the order of its requests. ``deadline`` is when it is cut."""

    deadline = math.inf
    flow: Flow
    _running: RequestResponseCycle | None = None
    _in_head = _in_body = False
    _deaf = False
    """Nothing more is heard: what is owed is answered, then it is closed."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = Flow(transport)
        self._within(HEAD_S)
        if len(self.connections) > MAX_CONNECTIONS:
            self._deaf = True
            transport.write(refusal(503, self.server_state.default_headers))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.pipeline.clear()
        if (
            self._running is not None
        ):  # uvicorn tells the request that came last, and that may be a queued one
            self._running.disconnected = not self._running.response_complete
            self._running.message_event.set()
        super().connection_lost(exc)

    def _enter(self, cycle: RequestResponseCycle) -> None:
        """Serve a request, or have it wait for its turn."""
        before, self.cycle = self.cycle, cycle
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.flow.held = True
            self.pipeline.appendleft((cycle, self.app))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """The next of the queue; else wait for what the client sends next."""
        self.server_state.total_requests += 1
        closing = self.transport.is_closing()
        if self.pipeline and not closing:
            cycle, app = self.pipeline.pop()
            self.flow.held = bool(self.pipeline)
            self._start_asgi_task(cycle, app)
            return
        self._running = None
        self.flow.resume_reading()
        self._within(WRITE_S if closing else self._patience())

    def _patience(self) -> float:
        if self._in_body:
            return REST_S
        return HEAD_S if self._in_head else IDLE_S

    def pause_writing(self) -> None:
        super().pause_writing()
        self._within(WRITE_S)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._running is not None:
            self.deadline = math.inf

    def expire(self, now: float) -> None:
        """Cut what is past its deadline."""
        closing = self.transport.is_closing()
        if now < self.deadline:
            if closing and self.deadline == math.inf:
                self._within(WRITE_S)
        elif closing or self.flow.write_paused:
            self.transport.abort()
        elif self._in_head and not self._deaf:
            self._refuse(408)
        else:
            self._within(WRITE_S)
            self.transport.close()

    def _refuse(self, status: int) -> None:
        """Hear nothing more. What was asked before is answered first: this must not be taken for it."""
        self._deaf = True
        if self.pipeline and self.pipeline[0][0].more_body:
            self.pipeline.popleft()
        last = self.pipeline[0][0] if self.pipeline else self._running
        if last is not None and not last.more_body:
            last.keep_alive = False
            self.flow.held = False
            self.flow.resume_reading()  # and pass over: to close with bytes unread takes the answers along
            return
        answered = last.response_started if last is not None else self._in_body
        if not answered:
            self.transport.write(refusal(status, self.server_state.default_headers))
            self.transport.write_eof()
        if last is not None:
            last.disconnected = True
            last.message_event.set()
        self._within(0.0 if answered else LAST_S)

    def _within(self, seconds: float) -> None:
        self.deadline = self.loop.time() + seconds
