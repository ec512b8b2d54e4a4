"""After a case: is what was acknowledged there, and nothing else, and do the stores equal the oracle?"""

from collections import Counter
from dataclasses import dataclass, field

from infra.chaos import log
from infra.chaos.clickhouse_state import Analyst
from infra.chaos.load import Load
from infra.chaos.log import Letter, Vector
from infra.chaos.oracle import State, expected_state
from infra.chaos.redis_state import redis_state
from infra.clients import redis_client
from infra.settings import Settings

SHOWN = 3
"""Differences that are named; the rest is counted."""


@dataclass(slots=True)
class Verdict:
    """``lost`` = acknowledged and not applied, ``extra`` = applied and not sent, or applied twice."""

    acknowledged: int = 0
    lost: int = 0
    extra: int = 0
    state_equal: bool = True
    problems: list[str] = field(default_factory=list)

    def differ(self, sentence: str) -> None:
        """The state is not what it must be."""
        self.state_equal = False
        self.problems.append(sentence)


def verify(settings: Settings, load: Load, since: Vector, until: Vector, parked: set[Letter]) -> Verdict:
    """Compare the log between the two, Redis and ClickHouse with what the load was told."""
    verdict = Verdict(acknowledged=len(load.acknowledged))
    _in_log(verdict, load, log.event_ids(settings, since, until))
    analyst = Analyst(settings)
    _in_clickhouse(verdict, load, analyst.events(f"{load.town.name}-"))
    expected = expected_state(load.acknowledged.values())
    users = sorted({*load.town.users, *(one.actor_id for one in load.sent.values())})
    videos = sorted({one.event["video_id"] for one in load.sent.values() if "video_id" in one.event})
    with redis_client(settings) as client:
        found = redis_state(client, users, videos, settings.generation)
    found |= analyst.state(f"{load.town.name}-")
    for question, answers in found.items():
        _same(verdict, question, expected, answers)
    _counted(verdict, expected, found)
    letters = set(log.letters(settings, since, until))
    if letters != parked:
        missing, surplus = parked - letters, letters - parked
        verdict.differ(
            f"dead letters: {len(missing)} missing {_some(missing)}, {len(surplus)} too many {_some(surplus)}"
        )
    return verdict


def _in_log(verdict: Verdict, load: Load, logged: Counter[str]) -> None:
    lost = load.acknowledged.keys() - logged.keys()
    if lost:
        verdict.lost = max(verdict.lost, len(lost))
        verdict.problems.append(f"{len(lost)} acknowledged events are not in the log {_some(lost)}")


def _in_clickhouse(verdict: Verdict, load: Load, rows: dict[str, int]) -> None:
    lost, foreign = load.acknowledged.keys() - rows.keys(), rows.keys() - load.sent.keys()
    twice = sum(number - 1 for number in rows.values())
    if lost:
        verdict.lost = max(verdict.lost, len(lost))
        verdict.problems.append(f"{len(lost)} acknowledged events have no row {_some(lost)}")
    if foreign or twice:
        verdict.extra = max(verdict.extra, len(foreign) + twice)
        verdict.problems.append(
            f"{len(foreign)} events have rows and were not sent, {twice} rows are too many"
        )


def _counted(verdict: Verdict, expected: State, found: State) -> None:
    """Views and shares stand for one event each: fewer are lost, more are extra."""
    short = over = 0
    for video in expected["counts"].keys() | found["counts"].keys():
        wanted, has = expected["counts"].get(video, {}), found["counts"].get(video, {})
        for kind in ("views", "shares"):
            difference = has.get(kind, 0) - wanted.get(kind, 0)
            short, over = short - min(0, difference), over + max(0, difference)
    verdict.lost, verdict.extra = max(verdict.lost, short), max(verdict.extra, over)


def _same(verdict: Verdict, question: str, expected: State, answers: dict[str, object]) -> None:
    wanted = expected[question]
    differing = [one for one in sorted(wanted.keys() | answers.keys()) if wanted.get(one) != answers.get(one)]
    if differing:
        first = differing[0]
        verdict.differ(
            f"{question}: {len(differing)} of {len(wanted)} differ, first {first}: "
            f"expected {str(wanted.get(first))[:200]}, found {str(answers.get(first))[:200]}"
        )


def _some(found: set[str] | set[Letter]) -> str:
    return ", ".join(map(str, sorted(found)[:SHOWN]))
