"""The Faust worker's process: run until it is told to stop, then end for certain."""

import asyncio
import gc
import importlib
import logging
import os
import sys
from typing import NoReturn

import faust

from streams.exits import BUG, leave

LOADED_LATE = (
    "faust.assignor.leader_assignor",
    "faust.tables.manager",
    "faust.transport.conductor",
    "faust.transport.drivers.aiokafka",
    "faust.web.apps.router",
    "faust.web.cache.backends.memory",
    "faust.web.drivers.aiohttp",
    "faust.worker",
    "pyarrow",
)
"""What Faust and polars import by name when they first need it: half a second of a start."""


def load() -> None:
    """Import all of that now."""
    for name in LOADED_LATE:
        importlib.import_module(name)
    gc.collect()


def run(app: faust.App) -> NoReturn:
    """Run the app until SIGTERM or SIGINT, then end the process: a thread that still waits for a sink holds
    nothing that is not in the log, and must not hold the process.

    Faust's worker by itself, as its guide shows for programs: the command line of Faust would load another
    half second of libraries to say the same.
    """
    code: object = 0
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        faust.Worker(app, quiet=True, loglevel="warn", loop=loop).execute_from_commandline()
    except SystemExit as end:
        code = end.code
    except BaseException as error:
        leave(BUG, f"the worker failed: {error!r}", error)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))
