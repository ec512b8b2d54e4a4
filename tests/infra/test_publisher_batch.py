"""A caller who gives up does not disturb the one thread that hears the broker's answers."""

import asyncio

import pytest
from confluent_kafka import KafkaError

from infra.publisher import LogUnavailable, _Batch


async def test_the_answer_that_comes_after_the_caller_gave_up_is_no_error() -> None:
    batch = _Batch(1)
    waiting = asyncio.wrap_future(batch.future)
    waiting.cancel()
    await asyncio.sleep(0)
    assert not batch.future.cancelled()
    batch.confirmed(None, None)
    assert batch.future.result(0) is None


def test_the_first_failure_is_told_and_later_answers_are_not() -> None:
    batch = _Batch(2)
    batch.confirmed(KafkaError(KafkaError._MSG_TIMED_OUT), None)
    batch.confirmed(None, None)
    with pytest.raises(LogUnavailable):
        batch.future.result(0)
