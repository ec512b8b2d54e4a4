"""A stock Faust worker that fails in the middle of a stream: `python faults.py FACT TOPIC BROKER FOLDER`.

It runs until it is killed. What its agent has seen goes to FOLDER/seen, a line for each event. Nothing of
ours is in it: this is what one gets who follows the manual.
"""

import asyncio
import os
import sys
from typing import Any

import faust
from faust.cli.faust import cli

FACT, TOPIC, BROKER, FOLDER = sys.argv[1:5]
BAD = b"50"
SLOW_S = 30.0
SEEN = os.open(f"{FOLDER}/seen", os.O_CREAT | os.O_WRONLY | os.O_APPEND)


def said(value: bytes) -> None:
    os.write(SEEN, value + b"\n")


def make() -> faust.App:
    """An app of its own group, quick to commit."""
    return faust.App(
        f"canary-{TOPIC}",
        broker=f"kafka://{BROKER}",
        value_serializer="raw",
        key_serializer="raw",
        broker_commit_interval=0.5,
        consumer_auto_offset_reset="earliest",
        topic_disable_leader=True,
        topic_allow_declare=False,
        table_standby_replicas=0,
        web_enabled=False,
        datadir=FOLDER,
    )


app = make()
topic = app.topic(TOPIC, value_type=bytes, value_serializer="raw")
failed: set[str] = set()


def fail_once() -> None:
    if not failed:
        failed.add(FACT)
        raise RuntimeError("the sink is away for a moment")


async def take(stream: Any) -> None:
    """Fact 1: an exception in the middle of a batch."""
    async for batch in stream.take(10, within=0.5):
        if BAD in batch:
            fail_once()
        for value in batch:
            said(value)


async def noack(stream: Any) -> None:
    """Fact 3: `noack` does not help."""
    async for event in stream.noack().events():
        if event.value == BAD:
            fail_once()
        said(event.value)
        event.ack()


async def concurrent(stream: Any) -> None:
    """Fact 5: one of two instances is slow."""
    async for value in stream:
        if value == BAD:
            await asyncio.sleep(SLOW_S)
        said(value)


AGENTS = {"take": take, "noack": noack, "concurrent": concurrent}
app.agent(topic, concurrency=2 if FACT == "concurrent" else 1)(AGENTS[FACT])

if __name__ == "__main__":
    app.finalize()
    cli(["--quiet", "worker", "--loglevel", "error", "--without-web"], app=app)
