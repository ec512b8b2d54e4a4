"""One Faust agent for each fold. They differ in nothing but the fold: the table of folds is the topology."""

from typing import Any

import faust

from streams.folding.channel import BatchChannel
from streams.folding.runner import FoldRunner


def register(app: faust.App, channel: BatchChannel, runner: FoldRunner) -> Any:
    """Add the agent that folds what comes through the channel; concurrency 1, for order."""

    @app.agent(channel, name=f"fold-{runner.name}")
    async def agent(flushes: Any) -> None:
        async for flush in flushes:
            try:
                await runner.handle(*flush)
            finally:
                channel.done()

    return agent
