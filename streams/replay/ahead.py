"""Working one step ahead: while one piece is folded the next one is read."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(make: Callable[[], Iterator[T]]) -> Iterator[T]:
    """What the iterator gives, in its order, taken from it on another thread: one item waits at most.

    The iterator is closed on that thread too, before this one ends.
    """
    with ThreadPoolExecutor(1, "ahead") as thread:
        source = make()
        try:
            waiting: Future[T | None] = thread.submit(next, source, None)
            while (item := waiting.result()) is not None:
                waiting = thread.submit(next, source, None)
                yield item
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                thread.submit(close).result()
