"""Stage `latency`: from the moment a phone meant to send an event to the moment the stores have it.

Open loop through POST, in batches of ten of one user. Positions are asked of both stores all the while: a
position moves with its change, so the first look that finds it behind an event's offset is when that event
could be read. Which offset an event has is read from the log afterwards. Every event counts.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from infra.access.tokens import mint
from infra.bench.http_load import Answered, loaded
from infra.bench.ingest_stage import CLIENT
from infra.bench.looking import CLICKHOUSE_LOOK_S, REDIS_LOOK_S, looking, visible
from infra.bench.measure import Sample, Stopwatch, interleaved
from infra.bench.result import Result, Target, figures
from infra.bench.scene import OURS, Tell
from infra.bench.stand import Stand, stand
from infra.bench.workload import TOPICS, Counted, Event, Load
from infra.chaos import log
from infra.clock import SystemClock

OFFERED = 2_300.0
"""Events a second: a thousandth of the target scale's peak of plays and what belongs to them."""
LONGEST_S = 120.0
WARM_UP_S = 30.0
"""Of servers that compile themselves: so long nothing is counted."""
POINTS = (0.25, 0.5, 1.0, 2.0)
POINT_S = 6.0
"""Of a point of the plot."""
BATCH, USERS = 10, 1_000
SINKS = "redis,clickhouse"


@dataclass(slots=True)
class Waits:
    """Milliseconds of one run, every event's, by store; and how its POSTs were answered."""

    redis: list[float]
    clickhouse: list[float]
    posts: Answered

    @property
    def shed(self) -> int:
        """POSTs that were not answered 2xx."""
        return sum(number for status, number in self.posts.answers.items() if not status.startswith("2"))


def latency(events: int, runs: int, tell: Tell) -> Result:
    """``events``: of a run; 276,000 are two minutes, which is the longest."""
    with stand(tell) as at:
        return latency_on(at, events, runs, tell)


def latency_on(at: Stand, events: int, runs: int, tell: Tell, shares: Sequence[float] = POINTS) -> Result:
    """The same on a stack that is there. ``shares``: of the rate, at which the plot has points."""
    at.workers(1, SINKS)
    seconds, found, points = min(LONGEST_S, events / OFFERED), list[Waits](), dict[float, Waits]()
    _offered(at, OFFERED, min(WARM_UP_S, seconds))
    for share in shares:
        points[share * OFFERED], _ = _offered(at, share * OFFERED, min(POINT_S, seconds))
        tell(f"{share * OFFERED:,.0f} events/s offered: {_said(points[share * OFFERED])}")

    def once() -> Sample:
        waits, sample = _offered(at, OFFERED, seconds)
        found.append(waits)
        tell(_said(waits))
        return sample

    rounds = interleaved({OURS: once}, runs, tell)
    targets = [
        Target("Redis p99, ms", 100, _middle(found, "redis", 99), most=True),
        Target("ClickHouse p99, ms", 2_000, _middle(found, "clickhouse", 99), most=True),
        Target("POSTs that were not taken", 0, float(sum(one.shed for one in found)), most=True),
    ]
    notes = [
        f"{OFFERED:.0f} events/s for {seconds:.0f} s in batches of {BATCH} by {USERS} users; medians of "
        f"{runs} runs: Redis p50 {_middle(found, 'redis', 50):.1f} ms, p99 {_middle(found, 'redis', 99):.1f} "
        f"ms; ClickHouse p50 {_middle(found, 'clickhouse', 50):.0f} ms, p99 "
        f"{_middle(found, 'clickhouse', 99):.0f} ms; POST itself p50 "
        f"{median(one.posts.p50_ms for one in found):.1f} ms, p99 "
        f"{median(one.posts.p99_ms for one in found):.1f} ms",
        f"the stores were looked at every {1000 * REDIS_LOOK_S:.0f} and {1000 * CLICKHOUSE_LOOK_S:.0f} ms, "
        "which is in the figures",
    ]
    series = {
        f"{store} p{share}": [(rate, _of(waits, store, share)) for rate, waits in points.items()]
        for store in ("redis", "clickhouse")
        for share in (50, 99)
    }
    axes = ("events offered a second", "ms to visible")
    return Result("latency", OURS, "events/s", figures(rounds), targets, "", notes, series, axes)


def _offered(at: Stand, rate: float, seconds: float) -> tuple[Waits, Sample]:
    """One run."""
    turn, now = at.nth("latency"), SystemClock().now_ms()
    load = Load(20_000 + turn, int(rate * seconds), named=f"latency{turn}-")
    targets, due = _posts(at, load, now)
    before = at.ends()
    (worker,) = at.workers(1, SINKS)
    pids = {"api": at.ground.pid("api"), "worker": at.ground.pid(worker), **at.stores}
    watch = Stopwatch(pids)
    with looking(at, before) as looks:
        watch.start()
        posts = loaded(targets, len(targets) * BATCH / rate, rate / BATCH, good="")
        sample = watch.sample(posts.requests * BATCH)
        at.settle(SINKS)
    at.agree(OURS, load)
    waits: dict[str, list[float]] = {"redis": [], "clickhouse": []}
    for event_id, place, offset in _written(at, before, at.ends()):
        if event_id in due:
            nth = due.pop(event_id)  # of one that was sent twice the first counts
            sent = posts.began_ns + int(nth * BATCH / rate * 1e9)
            for store, seen in looks.items():
                waits[store].append((visible(seen[place], offset) - sent) / 1e6)
    if due:
        raise RuntimeError(f"{len(due)} events of {len(targets)} POSTs are not in the log: {posts.answers}")
    return Waits(waits["redis"], waits["clickhouse"], posts), sample


def _posts(at: Stand, load: Load, now: int) -> tuple[list[dict[str, str]], dict[str, int]]:
    """Requests, each of one user's events of the last minutes, and the request that each event is in."""
    counted, due, targets = Counted(), dict[str, int](), list[dict[str, str]]()
    tokens = [mint(at.ground.settings, now, user_id=_user(nth), life_s=7_200) for nth in range(USERS)]
    for nth, batch in enumerate(_batches(load, now)):
        for event in batch:
            event["actor_id"] = _user(nth)
            counted.take(event)
            due.setdefault(event["event_id"], nth)
        said = [{name: one[name] for name in CLIENT if one.get(name) is not None} for one in batch]
        body = [one | {"occurred_at": full["occurred_at"]} for one, full in zip(said, batch, strict=True)]
        targets.append(
            {
                "method": "POST",
                "url": f"{at.url}/v1/events",
                "body": json.dumps(body),
                "authorization": f"Bearer {tokens[nth % USERS]}",
            }
        )
    load.counts, load.unique = counted.counts(), len(counted.ids)
    return targets, due


def _batches(load: Load, now: int) -> Iterator[list[Event]]:
    """Whole ones; what comes twice comes in one batch, since another would be another user's."""
    batch: list[Event] = []
    last = ""
    for nth, event in enumerate(load.each()):
        if not batch and event["event_id"] == last:
            continue
        last = event["event_id"]
        batch.append({**event, "occurred_at": now - load.events + nth})
        if batch[:-1] and batch[-2]["event_id"] == last:
            batch[-1] = batch[-2]
        if len(batch) == BATCH:
            yield batch
            batch = []


def _user(nth: int) -> str:
    return f"phone{nth % USERS:04d}"


def _written(at: Stand, since: log.Vector, until: log.Vector) -> Iterator[tuple[str, log.Place, int]]:
    for message in log.between(at.ground.settings, since, until, set(TOPICS)):
        place = str(message.topic()), int(message.partition() or 0)
        yield log.headers(message)["ce_id"], place, int(message.offset() or 0)


def _of(waits: Waits, store: str, share: float) -> float:
    return float(np.percentile(getattr(waits, store), share))


def _middle(found: list[Waits], store: str, share: float) -> float:
    return median(_of(one, store, share) for one in found)


def _said(waits: Waits) -> str:
    return (
        f"Redis p99 {_of(waits, 'redis', 99):.0f} ms, ClickHouse p99 {_of(waits, 'clickhouse', 99):.0f} ms, "
        f"answers {dict(waits.posts.answers)}"
    )
