"""The wake-up agent: nudges, passes over rubbish, and never ends by an exception."""

from collections.abc import AsyncIterator
from typing import Any, NoReturn

import faust
import pytest

from schemas.book import SchemaBook
from schemas.codec import encode
from streams.exits import BUG
from streams.transcode.jobs import listen, register
from tests.builders import event, liked

BOOK = SchemaBook.local()


class Left(BaseException):
    """What the twin of `leave` does instead of ending the process."""


class OneEvent:
    def __init__(self, value: bytes | None) -> None:
        self.value = value
        self.acked = False

    def ack(self) -> None:
        self.acked = True


class Batches:
    """A stream that hands out these batches."""

    def __init__(self, *batches: list[OneEvent]) -> None:
        self._batches = batches

    async def noack_take(self, most: int, within: float) -> AsyncIterator[list[OneEvent]]:
        for batch in self._batches:
            yield batch


class Effector:
    def __init__(self, fails: bool = False) -> None:
        self.nudges = 0
        self.fails = fails

    def nudge(self) -> None:
        self.nudges += 1
        if self.fails:
            raise RuntimeError("a bug")


def leave(code: int, line: str, error: BaseException | None = None) -> NoReturn:
    raise Left(code)


def hint() -> OneEvent:
    return OneEvent(encode(event("transcode.requested", "ann", video_id="v1", job_id="v1:v1"), BOOK))


async def test_a_batch_of_hints_is_one_nudge() -> None:
    effector, events = Effector(), [hint(), hint()]
    await listen(Batches(events), effector, BOOK)
    assert effector.nudges == 1
    assert all(one.acked for one in events)


def test_it_is_an_agent_of_the_app_over_raw_bytes() -> None:
    app = faust.App("hints", broker="kafka://127.0.0.1:1")
    agent = register(app, Effector(), BOOK)
    assert agent in app.agents.values()
    assert agent.channel.get_topic_name() == "rf.media.jobs.v1"
    assert agent.channel.value_serializer == "raw"
    assert agent.concurrency == 1


async def test_rubbish_is_passed_over() -> None:
    rubbish = [OneEvent(None), OneEvent(b""), OneEvent(b"\x00\x00\x00\x00\xff?"), OneEvent(b"{}")]
    other = [OneEvent(encode(liked("ann", "v1"), BOOK))]
    effector = Effector()
    await listen(Batches(rubbish, other), effector, BOOK)
    assert effector.nudges == 0
    assert all(one.acked for one in rubbish + other)


async def test_a_bug_ends_the_process_before_the_ack() -> None:
    events: list[Any] = [hint()]
    with pytest.raises(Left) as left:
        await listen(Batches(events), Effector(fails=True), BOOK, leave)
    assert left.value.args == (BUG,)
    assert not events[0].acked
