"""Stage `growth`: the fold's rate as the log and the stores grow, by one worker and by two, and by users.

The log grows to a tenth, three tenths and all of ``events``. At each size probes of a twentieth are folded
in turn by one worker and by two; at the end probes of few and of many users. All of it is one generation.
"""

from collections.abc import Iterator, Sequence
from statistics import median

from infra.bench.measure import Contender, Runs, Sample, interleaved
from infra.bench.result import Result, Target, figures
from infra.bench.scene import Tell
from infra.bench.stand import Stand, stand
from infra.bench.workload import Load, Record, put

TENTHS = (1, 3, 10)
WORKERS = (1, 2)
PEOPLE = {"1 k users": 1_000, "100 k users": 100_000, "1 M users": 1_000_000}
PIECE = 100_000
"""Events that are grown by at a time."""


def growth(events: int, runs: int, tell: Tell) -> Result:
    """The log -> Redis, at three sizes."""
    with stand(tell) as at:
        return growth_on(at, events, runs, tell)


def growth_on(at: Stand, events: int, runs: int, tell: Tell) -> Result:
    """The same on a stack that is there."""
    probe, found, notes = max(events // 20, 500), dict[str, Sequence[Sample]](), list[str]()
    at.workers(1)
    begun = written = sum(at.ends().values())
    for tenths in TENTHS:
        _grow(at, events * tenths // 10 - probe - (written - begun))
        contenders = {_named(tenths, count): _probe(at, probe, count) for count in WORKERS}
        found |= interleaved(contenders, runs, tell)
        written = sum(at.ends().values())
        held = at.memory_mb(at.workers(1))
        notes.append(
            f"{tenths} tenths: {written - begun} events in the log; the worker has {held['worker']:.0f} MB, "
            f"Redis {held['redis']:.0f} MB"
        )
    found |= interleaved({name: _probe(at, probe, 1, users) for name, users in PEOPLE.items()}, runs, tell)
    held = at.memory_mb(at.workers(1))
    notes.append(
        f"after the users: the worker has {held['worker']:.0f} MB, Redis {held['redis']:.0f} MB; "
        f"probes are of {probe} events"
    )
    series = {
        f"{count} worker{'s' * (count > 1)}": [
            (float(events * tenths // 10), _rate(found, _named(tenths, count))) for tenths in TENTHS
        ]
        for count in WORKERS
    }
    axes = ("events in the log", "events/s")
    whole = _named(TENTHS[-1], 1)
    return Result("growth", whole, "events/s", figures(found), _targets(found), "", notes, series, axes)


def _targets(found: Runs) -> list[Target]:
    targets = [
        Target(
            f"{count} worker{'s' * (count > 1)}, the slowest size against the fastest",
            0.85,
            _flat([_rate(found, _named(tenths, count)) for tenths in TENTHS]),
        )
        for count in WORKERS
    ]
    people = [_rate(found, name) for name in PEOPLE]
    return [*targets, Target("by users, the slowest against the fastest", 0.85, _flat(people))]


def _probe(at: Stand, events: int, workers: int, users: int = 20_000) -> Contender:
    def once() -> Sample:
        load = _load(at, events, users)
        sample = at.drain([*load.records(at.book)], workers)
        at.agree("reelfold", load)
        return sample

    return once


def _grow(at: Stand, events: int) -> None:
    """Fold so many more, unmeasured."""
    at.workers(1)
    while events > 0:
        put(at.ground.settings, _pieces(at, min(events, PIECE)))
        events -= PIECE
    at.settle()


def _pieces(at: Stand, events: int) -> Iterator[Record]:
    return _load(at, events, 20_000).records(at.book)


def _load(at: Stand, events: int, users: int) -> Load:
    turn = at.nth("growth")
    return Load(10_000 + turn, events, users=users, named=f"growth{turn}-")


def _named(tenths: int, workers: int) -> str:
    return f"{tenths}/10, {workers} worker{'s' * (workers > 1)}"


def _rate(found: Runs, name: str) -> float:
    return median(one.rate for one in found[name])


def _flat(rates: list[float]) -> float:
    return min(rates) / max(rates)
