"""A batch is told once, by whichever thread polls; a caller who gave up disturbs nobody who does."""

import asyncio
import threading

import pytest
from confluent_kafka import KafkaError

from infra.kafka.delivery import Batch, LogUnavailable, settling

TIMED_OUT = KafkaError(KafkaError._MSG_TIMED_OUT)


def batch(size: int) -> tuple[Batch, list[LogUnavailable | None]]:
    told: list[LogUnavailable | None] = []
    return Batch(size, told.append), told


async def test_the_answer_that_comes_after_the_caller_gave_up_is_no_error() -> None:
    waiting = asyncio.get_running_loop().create_future()
    given_up = Batch(1, settling(waiting))
    waiting.cancel()
    given_up.confirmed(None, None)
    assert given_up.told


def test_its_yes_is_the_last_of_its_messages() -> None:
    three, told = batch(3)
    three.confirmed(None, None)
    three.confirmed(None, None)
    assert told == []
    three.confirmed(None, None)
    assert told == [None]


@pytest.mark.parametrize("failing", [0, 1])
def test_a_failure_is_told_and_later_answers_are_not(failing: int) -> None:
    two, told = batch(2)
    for nth in range(2):
        two.confirmed(TIMED_OUT if nth == failing else None, None)
    assert len(told) == 1
    assert isinstance(told[0], LogUnavailable)


def test_nothing_is_confirmed_at_once() -> None:
    assert batch(0)[1] == [None]


async def test_an_answer_on_another_thread_reaches_the_loop() -> None:
    waiting = asyncio.get_running_loop().create_future()
    one = Batch(1, settling(waiting))
    threading.Thread(target=one.confirmed, args=(TIMED_OUT, None)).start()
    with pytest.raises(LogUnavailable):
        await asyncio.wait_for(waiting, 5)


def test_an_answer_after_the_loop_has_ended_is_no_error() -> None:
    async def asked() -> Batch:
        return Batch(1, settling(asyncio.get_running_loop().create_future()))

    left = asyncio.run(asked())
    thread = threading.Thread(target=left.confirmed, args=(None, None))
    thread.start()
    thread.join()
    assert left.told
