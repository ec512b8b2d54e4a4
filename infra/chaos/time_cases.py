"""Clients with bad networks and bad clocks: again, out of order, weeks late, a day ahead."""

import asyncio
from typing import Any

from infra.chaos.case import Case, Run
from infra.chaos.clickhouse_state import Analyst
from infra.clock import new_event_id
from infra.demo.simulation import Simulated

DAY_MS = 86_400_000
OLDEST_MS, LATEST_MS = 7 * DAY_MS, 5 * 60_000
"""What the API makes of a client's clock (CONTRACTS: clamped to a week ago and five minutes ahead)."""
TIMES = ("occurred_at", "started_at")


async def three_times_shuffled(run: Run) -> None:
    """Everything comes three times and in no order at all."""
    doings = run.load.town.doings(run.seed, 400, run.clock.now_ms()) * 3
    run.random.shuffle(doings)
    await run.load.post_all(doings)
    run.figure("sent_again", len(doings) - len({one.event["event_id"] for one in doings}))
    await run.mended()


async def wrong_clocks(run: Run) -> None:
    """Events 40 days late and a day ahead: they count, and decide only as far as a clock may be wrong."""
    town, now = run.load.town, run.clock.now_ms()
    at = {"late": now - 40 * DAY_MS, "now": now, "ahead": now + DAY_MS}
    events = []
    for nth, user in enumerate(town.users):
        video = town.videos[nth % len(town.videos)].video_id
        first, second = (("now", "late"), ("now", "ahead"), ("ahead", "now"))[nth % 3]
        events += [_event(user, "video.liked", at[first], video_id=video)]
        events += [_event(user, "video.unliked", at[second], video_id=video)]
        for when in at.values():
            events.append(_event(user, "view.started", when, view_id=new_event_id(now), video_id=video))
    await run.load.post_all(events)
    await run.mended()
    received = await asyncio.to_thread(Analyst(run.ground.settings).received, f"{town.name}-")
    for event_id, one in run.load.acknowledged.items():
        run.load.acknowledged[event_id] = _held(one, received.get(event_id, now))


async def retried_after_503(run: Run) -> None:
    """The broker hangs, the API answers 503 in time, clients send the same batch again: it counts once."""
    await run.ground.stop("api")
    await run.ground.start("api", REELFOLD_PRODUCE_DEADLINE_S="2")
    for _ in range(2):
        await run.load.until(100)
        run.load.slowest_s = 0.0
        run.ground.freeze("kafka")
        await asyncio.sleep(6.0)
        run.ground.thaw("kafka")
        run.figure("slowest_answer_s", run.load.slowest_s)
        await run.load.until(200)
        await run.mended()
    run.figure("answers_503", run.load.answers["503"])
    run.expect(run.load.answers["503"] > 0, "no client was told to come again")


def _event(user: str, event_type: str, at: int, **fields: Any) -> Simulated:
    return Simulated(
        user, {"event_id": new_event_id(at), "event_type": event_type, "occurred_at": at, **fields}
    )


def _held(one: Simulated, received_at: int) -> Simulated:
    """The event with its times held within what its receipt allows."""
    times = {name: one.event[name] for name in TIMES if name in one.event}
    held = {
        name: min(max(at, received_at - OLDEST_MS), received_at + LATEST_MS) for name, at in times.items()
    }
    return Simulated(one.actor_id, {**one.event, **held})


CASES = (
    Case("duplicates", "every event three times, in no order", three_times_shuffled, 20, rate=0),
    Case("wrong-clocks", "40 days late, a day ahead", wrong_clocks, 15, rate=0),
    Case("retry-after-503", "a batch is sent again after 503", retried_after_503, 40),
)
