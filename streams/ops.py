"""The operators' topic: facts about replays and generations, an ordinary Faust topic of a few a day.

Under the safe pattern (RELIABILITY.md 1.8): raw bytes, no concurrency, an ack after the deed, and no
exception leaves the loop. What is told here is logged; the pointer to the live generation is in Redis.
"""

from typing import Any

import faust

from infra.telemetry import Log
from schemas.topics import OPS
from streams.exits import BUG, leave

_log = Log("streams")


def register(app: faust.App) -> Any:
    """Add the agent to the app; answers it."""
    topic = app.topic(OPS, key_serializer="raw", value_serializer="raw")

    @app.agent(topic, name="ops")
    async def ops(stream: Any) -> None:
        async for events in stream.noack_take(100, within=0.5):
            try:
                for event in events:
                    _log.info("faust_log", topic=OPS, bytes=len(event.value or b""))
            except Exception as error:
                leave(BUG, f"the ops agent failed: {error!r}", error)
            for event in events:
                event.ack()

    return ops
