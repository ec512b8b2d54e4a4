"""The wake-up topic: transcode.requested says that a job waits, and nothing else hangs on it.

An ordinary Faust topic under the safe pattern (RELIABILITY.md 1.8): raw bytes, no concurrency, `noack_take`
and an ack after the deed, and no exception ever leaves the loop, because Faust would then ack what it
never handed out. Losing a hint costs at most the effector's poll interval.
"""

from typing import Any, Protocol

import faust

from infra.telemetry import Log
from schemas.book import SchemaBook
from schemas.codec import decode
from schemas.errors import SchemaError
from schemas.topics import JOBS
from streams.exits import BUG, Leave, leave

_LOG = Log("streams")
BATCH, WITHIN_S = 100, 0.1


class Woken(Protocol):
    """Who is told that there is work."""

    def nudge(self) -> None:
        """Look at the work list now."""
        ...


def register(app: faust.App, effector: Woken, book: SchemaBook) -> Any:
    """Add the agent to the app; answers it."""
    topic = app.topic(JOBS, key_serializer="raw", value_serializer="raw")

    @app.agent(topic, name="transcode_hints")
    async def hints(stream: Any) -> None:
        await listen(stream, effector, book)

    return hints


async def listen(stream: Any, effector: Woken, book: SchemaBook, end: Leave = leave) -> None:
    """Nudge once for every batch that holds a hint; a bug ends the process, not the loop."""
    async for events in stream.noack_take(BATCH, within=WITHIN_S):
        try:
            if any(_is_hint(event.value, book) for event in events):
                effector.nudge()
        except BaseException as error:
            end(BUG, "the agent of the transcode hints met a bug", error)
        for event in events:
            event.ack()


def _is_hint(value: bytes | None, book: SchemaBook) -> bool:
    """Bytes that are no event are passed over: a hint carries nothing that could be lost."""
    try:
        return value is not None and decode(value, book)["event_type"] == "transcode.requested"
    except SchemaError as error:
        _LOG.warning("record_dead_lettered", topic=JOBS, reason=str(error), kept=False)
        return False
