"""A wait for zero lag that was in vain says who is behind, or why that is not known."""

import pytest
from pydantic import SecretStr

from infra.chaos.lag import at_ends
from infra.chaos.waiting import CaseFailed
from infra.settings import Settings


async def test_a_store_that_is_away_is_named_and_does_not_hide_what_was_waited_for() -> None:
    nowhere = Settings(redis_url=SecretStr("redis://127.0.0.1:1/0"))
    with pytest.raises(CaseFailed, match=r"^not within 0 s: zero lag; behind: redis does not answer"):
        await at_ends(nowhere, {}, "zero lag", 0.0)


async def test_something_else_may_end_the_wait() -> None:
    nowhere = Settings(redis_url=SecretStr("redis://127.0.0.1:1/0"))
    await at_ends(nowhere, {}, "zero lag", 0.0, or_else=lambda: True)
