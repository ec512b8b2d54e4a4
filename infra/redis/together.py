"""A Redis client for many readers at once: commands of the same moment travel together.

A command by itself costs its client two system calls and two turns of the event loop, more than Redis
needs to answer it. What is asked in one turn, by one request or by many, is sent as one pipeline.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, Self

import redis.asyncio

from infra.redis.patience import Patience

Asked = tuple[tuple[Any, ...], dict[str, Any], "asyncio.Future[Any]"]
LONGEST = 500
"""Commands in one pipeline: the first does not wait for the answers of thousands."""


class TogetherRedis(redis.asyncio.Redis):
    """As its base; belongs to one event loop. Not for commands that block or change the connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._asked: list[Asked] = []
        self._under_way: set[asyncio.Task[None]] = set()
        self._patience: Patience | None = None

    def patient(self, patience_s: float) -> Self:
        """The same client, waiting so long for a Redis that went away. Only where all commands are reads:
        they are sent again."""
        self._patience = Patience(partial(super().execute_command, "PING"), patience_s)
        return self

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """As its base; waits for nobody any more."""
        if self._patience is not None:
            self._patience.close()
        await super().aclose(close_connection_pool)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Its answer, or the error that Redis gave to this command or the connection to all of them."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        self._asked.append((args, options, answer))
        if len(self._asked) == 1:
            loop.call_soon(self._send)
        return await answer

    def _send(self) -> None:
        asked, self._asked = self._asked, []
        for start in range(0, len(asked), LONGEST):
            task = asyncio.get_running_loop().create_task(self._ask(asked[start : start + LONGEST]))
            self._under_way.add(task)  # the loop itself holds tasks weakly
            task.add_done_callback(self._under_way.discard)

    async def _ask(self, asked: Sequence[Asked]) -> None:
        try:
            if self._patience is None:
                answers = await self._answers(asked)
            else:
                answers = await self._patience.answered(partial(self._answers, asked), len(asked))
        except asyncio.CancelledError:  # the loop is closing
            for _, _, future in asked:
                future.cancel()
            raise
        except Exception as error:  # whatever it is, it is the askers' to handle
            answers = [error] * len(asked)
        for (_, _, future), answer in zip(asked, answers, strict=True):
            if future.done():  # its request was given up
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    async def _answers(self, asked: Sequence[Asked]) -> list[Any]:
        if len(asked) == 1:
            arguments, options, _ = asked[0]
            return [await super().execute_command(*arguments, **options)]  # type: ignore[no-untyped-call]
        async with self.pipeline(transaction=False) as pipe:
            for arguments, options, _ in asked:
                pipe.execute_command(*arguments, **options)
            return list(await pipe.execute(raise_on_error=False))
