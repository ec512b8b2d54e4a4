"""Executors that decide when what is asked of them runs: on the thread that asks."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

T = TypeVar("T")


class AtOnce(Executor):
    """Runs it when it is asked to."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


class AtLast(Executor):
    """Runs it when somebody asks whether it went well."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        done: Future[T] = Future()

        def exception(timeout: float | None = None) -> BaseException | None:
            done.set_result(fn(*args, **kwargs))
            return None

        done.exception = exception  # type: ignore[method-assign]
        return done
