"""What an event, a read and a clip cost in processor time, from what `reelfold bench STAGE --json` printed.

Nothing is guessed: a stage that the plan cannot do without and that was not measured is an error that names
its command. Costs are microseconds of processor time for each event, unless said otherwise.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.bench.clip import FPS, SECONDS
from infra.bench.versions import ROOT

RESULTS = ROOT / "infra" / "bench" / "results"
OURS, FEW, MANY = "reelfold", 1, 50
SERVERS = ("kafka", "redis", "clickhouse")
"""Processes of a stage that are not ours; whatever else it names is."""
PER_CLIP_S = {"clips/s": 1.0, "frames/s": 1 / (SECONDS * FPS)}
"""Units of the transcode stage -> clips in one of what it counts."""

Figures = Mapping[str, float]


class NotMeasured(Exception):
    """A stage has no result, or one without the figure that is needed; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One sink: its worker, the store that takes what it folds, and the broker that it fetches from."""

    worker_us: float
    store_us: float
    fetch_us: float


@dataclass(frozen=True, slots=True)
class Costs:
    """Every measured cost. None: its stage was not measured, and is not needed."""

    post_us: float
    """Of the API for a POST, beside its events."""
    event_us: float
    """Of the API for each event of a POST."""
    produce_us: float
    redis: Lane
    clickhouse: Lane
    read_us: float | None = None
    """Of the API for a feed page."""
    read_redis_us: float = 0.0
    clip_s: float | None = None
    """Processor seconds for the ladder of one clip."""
    sources: tuple[str, ...] = ()
    """Which stages, of which commit, on which machine."""


def measured(folder: Path = RESULTS) -> Costs:
    """The costs in the results of this folder, a file `<stage>.json` each. Raises NotMeasured."""
    ingest, fold, rows = (_document(folder, stage) for stage in ("ingest", "fold", "fold-clickhouse"))
    few, many = (_figures(ingest, f"{OURS} x{size}") for size in (FEW, MANY))
    event_us, post_us = _line(_own(few, "ingest"), _own(many, "ingest"))
    read, clip = (_document(folder, stage, needed=False) for stage in ("feed", "transcode"))
    paged = _figures(read, OURS) if read else {}
    return Costs(
        post_us=post_us,
        event_us=event_us,
        produce_us=_part(many, "kafka", "ingest"),
        redis=_lane(_figures(fold, OURS), "redis", "fold"),
        clickhouse=_lane(_figures(rows, OURS), "clickhouse", "fold-clickhouse"),
        read_us=_own(paged, "feed") if read else None,
        read_redis_us=_part(paged, "redis", "feed") if read else 0.0,
        clip_s=_clip(clip) if clip else None,
        sources=tuple(_source(one) for one in (ingest, fold, rows, read, clip) if one),
    )


def _document(folder: Path, stage: str, needed: bool = True) -> dict[str, Any]:
    """A stage's result, or {} for one that may be missing and is."""
    path = folder / f"{stage}.json"
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if not needed:
            return {}
        raise NotMeasured(f"there is no {path}: `reelfold bench {stage} --json > {path}` makes it") from None
    except ValueError as error:
        raise NotMeasured(f"{path} is no JSON: {error}") from None
    if not isinstance(found, dict) or found.get("stage") != stage:
        raise NotMeasured(f"{path} is not of stage {stage}")
    return found


def _figures(document: Mapping[str, Any], contender: str) -> Figures:
    try:
        found: Figures = document["figures"][contender]
    except (KeyError, TypeError):
        raise NotMeasured(f"stage {document.get('stage')} has no figures of {contender}") from None
    return found


def _part(figures: Figures, process: str, stage: str) -> float:
    try:
        return float(figures[f"cpu_us_{process}"])
    except KeyError:
        raise NotMeasured(f"stage {stage} does not say what {process} took (cpu_us_{process})") from None


def _own(figures: Figures, stage: str) -> float:
    """What all processes took that are not servers of others: a worker is named after its run."""
    names = [name for name in figures if name.startswith("cpu_us_")]
    own = [name for name in names if name.removeprefix("cpu_us_") not in SERVERS]
    if not own:
        raise NotMeasured(f"stage {stage} does not say what our own process took")
    return sum(float(figures[name]) for name in own)


def _lane(figures: Figures, store: str, stage: str) -> Lane:
    return Lane(_own(figures, stage), _part(figures, store, stage), _part(figures, "kafka", stage))


def _line(few: float, many: float) -> tuple[float, float]:
    """(for an event, for a POST) of what an event takes in a POST of one and in a POST of many."""
    post = max(0.0, (few - many) / (1 / FEW - 1 / MANY))
    return few - post / FEW, post


def _clip(document: Mapping[str, Any]) -> float:
    unit = str(document.get("unit"))
    if unit not in PER_CLIP_S:
        raise NotMeasured(f"stage transcode counts {unit}; {', '.join(PER_CLIP_S)} can be taken")
    return _own(_figures(document, OURS), "transcode") / 1e6 / PER_CLIP_S[unit]


def _source(document: Mapping[str, Any]) -> str:
    machine = document.get("machine", {})
    about = f"{machine.get('cores', '?')} cores of {machine.get('cpu', 'an unknown machine')}"
    return f"`{document['stage']}` at commit {document.get('commit', 'unknown')} on {about}"
