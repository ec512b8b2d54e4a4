"""The channel that a lane hands record batches to, and a Faust agent iterates.

Faust clears the queue of every `app.channel()` whenever its own consumer rebalances, and lets `put`
hang while it is suspended. This channel has a queue that Faust's flow control does not know of. Its
bound counts batches handed out and not yet done with, not only those that still queue.
"""

import asyncio
import threading
from typing import Any

from faust.channels import Channel
from mode.utils.queues import FlowControlEvent, ThrowableQueue

from streams.progress import Handout

CAPACITY = 4


class BatchChannel(Channel[Any]):
    """A bounded channel from the lane's thread to one agent. Clones share the queue and the bound."""

    def __init__(self, app: Any, *, slots: threading.Semaphore | None = None, **options: Any) -> None:
        if options.get("queue") is None:
            flow = FlowControlEvent(initially_suspended=False)
            options["queue"] = ThrowableQueue(maxsize=0, flow_control=flow)
        self.slots = slots or threading.BoundedSemaphore(CAPACITY)
        super().__init__(app, **options)

    def offer(self, handout: Handout, timeout: float, loop: asyncio.AbstractEventLoop) -> bool:
        """From the lane's thread: hand out, or False when no slot came free within the timeout (s)."""
        if not self.slots.acquire(timeout=timeout):
            return False
        loop.call_soon_threadsafe(self.queue.put_nowait, handout)
        return True

    def done(self) -> None:
        """From the agent: the batch is folded or dropped, its slot is free."""
        self.slots.release()

    def _clone_args(self) -> dict[str, Any]:
        return {**super()._clone_args(), "queue": self.queue, "slots": self.slots}
