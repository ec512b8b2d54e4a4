"""Whether a thread waits for a store's answer just now: seen from its stack, not from what it says of itself.

A fold that waits for its store is in that store's client, and each client gives up in its own time. A fold
that goes round in circles, or waits for a lock, is not.
"""

import sys

CLIENTS = frozenset({"redis", "clickhouse_connect"})


def asks_a_store(thread_id: int) -> bool:
    """Whether a call of a store's client is on this thread's stack."""
    frame = sys._current_frames().get(thread_id)  # noqa: SLF001 - the documented name
    while frame is not None:
        if str(frame.f_globals.get("__name__")).partition(".")[0] in CLIENTS:
            return True
        frame = frame.f_back
    return False
