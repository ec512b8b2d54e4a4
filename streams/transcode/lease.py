"""Holding on to a job: a lease renewed at a third of its time, and work that ends when it is lost."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from projections.position import StoreUnavailable
from projections.renditions.store import Lease, Leases


class LeaseLost(Exception):
    """Somebody else may hold the job by now: stop, tell nothing."""


@asynccontextmanager
async def keeping(leases: Leases, lease: Lease, ttl_s: float) -> AsyncIterator[None]:
    """Keep the lease while inside; what is inside is cancelled when it is lost, and LeaseLost raised.

    A store that is away is no loss before the lease has run out.
    """
    owner = asyncio.current_task()
    assert owner is not None
    lost = False

    async def renew() -> None:
        nonlocal lost
        until = time.monotonic() + ttl_s
        while time.monotonic() < until:
            await asyncio.sleep(ttl_s / 3)
            try:
                if not await leases.renew(lease, round(1000 * ttl_s)):
                    break
                until = time.monotonic() + ttl_s
            except StoreUnavailable:
                continue
        lost = True
        owner.cancel()

    renewing = asyncio.create_task(renew())
    try:
        yield
    except asyncio.CancelledError:
        if lost:
            owner.uncancel()
            raise LeaseLost(lease.job_id) from None
        raise
    finally:
        renewing.cancel()
