"""`reelfold replay`: what is asked for, what is refused, and what is told of it on rf.ops.v1."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.clock import Clock
from infra.kafka.config import connection
from infra.kafka.ops_facts import Fact, made, new_run_id, tell
from infra.kafka.publisher import LogUnavailable
from infra.registry import RegistryUnavailable
from infra.settings import Settings
from infra.telemetry import Log
from projections.position import FoldStore, StoreUnavailable
from streams.folding.progress import Key
from streams.folds import every_fold, in_bulk
from streams.replay.lane import patiently
from streams.replay.plan import Bounds, Cuts, Place, Refused, chosen, cuts
from streams.replay.replay import ReplayReport, turned_back
from streams.replay.replaying import Tell, fold_to, opened, silently
from streams.replay.source import Source

_log = Log("streams")
ANSWER_S = 10.0
SINKS = ("redis", "clickhouse")


@dataclass(frozen=True, slots=True)
class Request:
    """What an operator asks for. ``rate``: events a second at most, 0 for as fast as it goes."""

    generation: int
    bounds: Bounds = field(default_factory=Bounds)
    only: Sequence[str] = ()
    rate: int = 0


def run(settings: Settings, request: Request, live: int, clock: Clock, hear: Tell = silently) -> ReplayReport:
    """Replay into a generation whose tables are there, and tell of it. ``live`` is the generation read now.

    Raises Refused, and what `replay` raises; then too what was folded stays, and the next run goes on.
    """
    sinks = every_fold(settings, request.generation)
    folds = chosen((fold for members in sinks.values() for fold in members), request.only)
    with opened(settings) as source:
        wanted: Cuts = cuts(source, folds, request.bounds)
        if request.bounds.bounded:
            turned_back(folds, wanted)
        beside = request.generation == live and is_folded(settings, live)
        if beside:
            wanted = beside_worker(source, folds, wanted)
            if not wanted:
                raise Refused(
                    f"a worker folds generation {live}, which is live, and the log holds all that it needs: "
                    "a replay would only be in its way. Use another generation, or stop the worker first"
                )
        elif not request.rate:
            in_bulk(folds)
        run_id = new_run_id(clock.now_ms())
        _tell(settings, _started(request, run_id, clock.now_ms()))
        report = ReplayReport(request.generation)
        failure = ""
        try:
            report = fold_to(settings, source, request.generation, folds, wanted, request.rate, hear)
        except BaseException as error:
            failure = f"{type(error).__name__}: {error}"[:500]
            raise
        finally:
            _tell(settings, _finished(request, run_id, clock.now_ms(), report, failure))
    return report


def is_folded(settings: Settings, generation: int) -> bool:
    """Whether a worker is in one of the generation's consumer groups. One that was killed is, for as long as
    its session lasts. Raises StoreUnavailable."""
    groups = [f"reelfold.{sink}.g{generation}" for sink in SINKS]
    admin = AdminClient(connection(settings))  # kept: what it promised dies with it
    try:
        found = admin.describe_consumer_groups(groups, request_timeout=ANSWER_S)
        return any(group.result(2 * ANSWER_S).members for group in found.values())
    except KafkaException as error:
        raise StoreUnavailable(f"the log does not answer: {error}") from error


def beside_worker(source: Source, folds: Sequence[FoldStore], wanted: Cuts) -> dict[Place, int]:
    """What a worker waits for: folds below the log's start, up to where it begins. It does the rest."""
    lows: dict[Key, int] = {}
    found: dict[Place, int] = {}
    named = {fold.name: fold for fold in folds}
    for (name, topic, partition), cut in wanted.items():
        low = lows.setdefault((topic, partition), source.log.bounds((topic, partition))[0])
        position = patiently(_asking(named[name], topic, partition))
        if (position or 0) < low:
            found[name, topic, partition] = min(cut, low)
    return found


def _asking(fold: FoldStore, topic: str, partition: int) -> Callable[[], int | None]:
    return lambda: fold.position(topic, partition)


def _started(request: Request, run_id: str, now_ms: int) -> Fact:
    to = [f"{topic}:{number}:{offset}" for (topic, number), offset in request.bounds.to_offsets.items()]
    return made(
        "replay.started", run_id, now_ms,
        generation=request.generation, to_time=request.bounds.to_time, to_offsets=to,
        only=list(request.only), rate=request.rate or None,
    )  # fmt: skip


def _finished(request: Request, run_id: str, now_ms: int, report: ReplayReport, failure: str) -> Fact:
    cut = [f"{topic}:{number}:{offset}" for (topic, number), offset in sorted(report.cut.items())]
    return made(
        "replay.finished", run_id, now_ms,
        generation=request.generation, outcome="failed" if failure else "completed",
        bounded=request.bounds.bounded, records=report.read, archived=report.archived,
        seconds=report.seconds, detail=failure or None, positions=cut,
    )  # fmt: skip


def _tell(settings: Settings, fact: Fact) -> None:
    """A rebuild with the registry gone, or with a log that takes nothing now, is a rebuild all the same."""
    try:
        tell(settings, fact)
    except (LogUnavailable, RegistryUnavailable) as error:
        _log.warning("log_unavailable", error=str(error))
