"""The channel that a lane hands record batches to, and a Faust agent iterates.

Faust clears the queue of every `app.channel()` whenever its own consumer rebalances, and lets `put`
hang while it is suspended. This channel has a queue that Faust's flow control does not know of. Its
bound counts batches handed out and not yet done with, not only those that still queue.
"""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from faust.channels import Channel
from mode.utils.queues import FlowControlEvent, ThrowableQueue

from streams.folding.handouts import Handouts

CAPACITY = 4


class Slots:
    """How many batches are out; counted from two threads."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.taken = 0
        self._lock = threading.Lock()

    def take(self) -> bool:
        """One batch more, unless all slots are taken."""
        with self._lock:
            free = self.taken < self.capacity
            self.taken += free
            return free

    def free(self) -> None:
        """One batch less."""
        with self._lock:
            self.taken -= 1


class BatchChannel(Channel[Any]):
    """A bounded channel from the lane's thread to one agent. Clones share the queue and the bound."""

    def __init__(self, app: Any, *, slots: Slots | None = None, **options: Any) -> None:
        if options.get("queue") is None:
            flow = FlowControlEvent(initially_suspended=False)
            options["queue"] = ThrowableQueue(maxsize=0, flow_control=flow)
        self.slots = slots or Slots()
        super().__init__(app, **options)

    @property
    def busy(self) -> bool:
        """Whether the agent has a batch in hand and another one waiting."""
        return self.slots.taken > 1

    def offer(self, flush: Sequence[Handouts], loop: asyncio.AbstractEventLoop) -> bool:
        """From the lane's thread: hand out, or False when every slot is taken."""
        if not self.slots.take():
            return False
        loop.call_soon_threadsafe(self.queue.put_nowait, flush)
        return True

    def done(self) -> None:
        """From the agent: the batch is folded or dropped, its slot is free."""
        self.slots.free()

    def _clone_args(self) -> dict[str, Any]:
        return {**super()._clone_args(), "queue": self.queue, "slots": self.slots}
