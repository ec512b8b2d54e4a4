"""The tables of the page on scaling out, in Markdown. Pure: costs, assumptions and a machine in, text out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields

from infra.bench.assumptions import DAY_S, Assumptions, Machine
from infra.bench.breaking import limits
from infra.bench.capacity import (
    Sinks,
    a_play,
    partitions,
    parts,
    redis_bytes,
    remembered_bytes,
    stored_a_day,
    workers,
)
from infra.bench.costs import Costs
from infra.settings import Settings
from projections.trending.redis_ranking import REST, SHARDS
from streams import folds


def sinks() -> Sinks:
    """Which topics each sink reads, from the folds as they are. Connects to nothing."""
    every = folds.every_fold(Settings(), 1)
    topics = {name: frozenset(t for fold in members for t in fold.topics) for name, members in every.items()}
    return Sinks(redis=topics[folds.REDIS], clickhouse=topics[folds.CLICKHOUSE])


def tables(costs: Costs, given: Assumptions, machine: Machine) -> str:
    """All that stands between the marks."""
    read = sinks()
    sections = (
        _head(costs, given),
        _parts(costs, given, machine, read),
        _partitions(costs, given, read),
        _limits(costs, given, machine, read),
        _also(costs, given, machine, read),
        _costs(costs),
        _assumed(given),
    )
    return "\n\n".join("\n".join(section) for section in sections)


def _head(costs: Costs, given: Assumptions) -> Iterator[str]:
    scale = f"{given.plays:,.0f} plays/s, {sum(given.rates.values()):,.0f} events/s"
    sources = "; ".join(costs.sources) or "costs without a source"
    yield (f"**{scale}**, every core, link and disk at {given.utilisation:.0%}. Computed from {sources}.")


def _parts(costs: Costs, given: Assumptions, machine: Machine, read: Sinks) -> Iterator[str]:
    plan, then = (parts(costs, one, machine, read) for one in (given, given.packed()))
    rows = [
        (
            one.name,
            f"{one.busy:,.0f}",
            f"{one.units:,} {one.unit}",
            one.because,
            f"{one.machines:,}",
            f"{later.machines:,}",
        )
        for one, later in zip(plan, then, strict=True)
    ]
    busy, now, later = (
        sum(one.busy for one in plan),
        *(sum(one.machines for one in some) for some in (plan, then)),
    )
    rows.append(("all", f"{busy:,.0f}", "", "", f"**{now:,}**", f"**{later:,}**"))
    yield f"### Machines of {machine.name}"
    yield ""
    yield from _table(
        ("part", "busy cores", "units", "decided by", "machines as shipped", "with what was seen packed"),
        rows,
    )
    yield ""
    yield (
        f"Packed: {given.packed_entries:,.0f} hashes of {given.packed_bytes:g} bytes a user, the remedy for "
        "memory in the list below. Counts are of work: each part also wants a machine in every zone."
    )
    if costs.read_us is None:
        yield "The API's reads are left out: stage `feed` was not measured."
    if costs.clip_s is None:
        yield f"Transcoders by an assumed {given.clip_s:g} CPU seconds a clip: `transcode` was not measured."


def _partitions(costs: Costs, given: Assumptions, read: Sinks) -> Iterator[str]:
    found = partitions(costs, given, read)
    yield "### Partitions"
    yield ""
    yield from _table(
        ("topic", "events/s", "partitions"),
        [(f"`{topic}`", f"{rate:,.0f}", f"{found[topic]:,}") for topic, rate in given.rates.items()],
    )


def _limits(costs: Costs, given: Assumptions, machine: Machine, read: Sinks) -> Iterator[str]:
    yield "### What breaks first, as shipped"
    yield ""
    said: dict[str, int] = {}
    for nth, one in enumerate(limits(costs, given, machine, read), 1):
        remedy = f"As {said[one.remedy]}." if one.remedy in said else one.remedy
        said.setdefault(one.remedy, nth)
        share = 100 * one.plays / given.plays
        yield f"{nth}. **{one.name}**: {one.plays:,.0f} plays/s, {share:.3g} % of the whole. {remedy}"


def _also(costs: Costs, given: Assumptions, machine: Machine, read: Sinks) -> Iterator[str]:
    """What the numbers bring with them."""
    defaults, events = Settings(), sum(given.rates.values())
    folded = a_play(given, read.redis) * given.plays
    lanes = workers("", costs.redis.worker_us, folded, given, machine).units
    remembered = remembered_bytes(given)
    yield "### What comes with it"
    yield ""
    yield (
        f"- One copy of the log grows by {stored_a_day(given) / 1e12:,.1f} TB a day; the archive gets "
        f"{events * DAY_S / defaults.archive_rows:,.0f} files a day at {defaults.archive_rows:,} records "
        "each: raise `REELFOLD_ARCHIVE_ROWS`."
    )
    yield f"- Redis holds {redis_bytes(given) / 1e12:,.1f} TB in one copy, nearly all of it what users saw."
    yield (
        f"- Recent ids take {remembered / 1e9:,.1f} GB over all Redis lanes, {remembered / lanes / 1e6:,.0f} "
        f"MB a worker. Who takes over a partition reads {given.window_s / 60:,.0f} minutes of it back first: "
        f"up to {given.window_s * given.utilisation / 60:,.0f} minutes of a core for a worker's share."
    )
    yield (
        f"- `REELFOLD_READY_MAX_LAG` ({defaults.ready_max_lag:,} records) is "
        f"{defaults.ready_max_lag / folded:,.2f} s of what Redis folds: raise it."
    )
    yield (
        f"- Workers rank the trends by turns, a window in {SHARDS} steps, and rest {REST} times as long as "
        "it took (`projections/trending/redis_ranking.py`): what grows is how old ranks are, not how long "
        "Redis is held."
    )


def _costs(costs: Costs) -> Iterator[str]:
    rows = [
        ("API, a POST", costs.post_us),
        ("API, an event of it", costs.event_us),
        ("Kafka, to take an event", costs.produce_us),
        ("Redis lane, an event", costs.redis.worker_us),
        ("Redis, an event", costs.redis.store_us),
        ("Kafka, to give it to that lane", costs.redis.fetch_us),
        ("ClickHouse lane, an event", costs.clickhouse.worker_us),
        ("ClickHouse, a row", costs.clickhouse.store_us),
        ("Kafka, to give it to that lane", costs.clickhouse.fetch_us),
    ]
    rows += [("API, a feed page", costs.read_us)] if costs.read_us is not None else []
    rows += [("a clip's ladder", 1e6 * costs.clip_s)] if costs.clip_s is not None else []
    yield "### Measured costs"
    yield ""
    yield from _table(("what", "CPU us"), [(name, f"{cost:,.2f}") for name, cost in rows])


def _assumed(given: Assumptions) -> Iterator[str]:
    yield "### Assumed"
    yield ""
    rows = [
        (one.name, f"{getattr(given, one.name):,.10g}", one.metadata["unit"], one.metadata["why"])
        for one in fields(given)
    ]
    yield from _table(("name in `infra/bench/assumptions.py`", "value", "of", "why"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
