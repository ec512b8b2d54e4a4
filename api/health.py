"""GET /healthz, /readyz, /metrics: is it up, may it be asked, what does it measure.

Ready means that reads can be answered from folds that are near the log's end. A Kafka that is down
makes them stale, not wrong, so it does not turn readiness red; the age of what the worker last told
is in the answer.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field

from api.parts import PartsOf
from api.reading.readers import Refilling
from infra.telemetry import REGISTRY, Log
from projections.lag import FoldLag
from projections.position import StoreUnavailable

router = APIRouter(tags=["operation"])
STALE_MS = 30_000
STORE_S = 1.0
"""Who asks for readiness wants to know now: reads wait longer for a Redis that is being restarted."""
_LOG = Log("api")


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class FoldReadiness(BaseModel):
    """How far a fold is behind: records not yet folded, over all its partitions."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"fold": "feed", "lag": 12, "told_ms_ago": 800, "behind": False}]}
    )
    fold: str
    lag: int
    told_ms_ago: int
    behind: bool


class Readiness(BaseModel):
    """`stale`: ready, but no worker told its lag for 30 s, so what is read may be old."""

    status: Literal["ready", "stale", "behind", "empty", "refilling", "store_unavailable"]
    detail: str
    generation: int | None
    folds: list[FoldReadiness]
    publisher_fullness: float = Field(
        0.0, description="Events that wait for the log's yes, as a share of what fits; at 1 posts get 503."
    )


@router.get("/healthz")
async def healthz() -> Alive:
    """Alive: touches nothing."""
    return Alive()


@router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
async def readyz(parts: PartsOf) -> Response:
    """Ready, or 503; either way which fold is behind, and by how many records."""
    try:
        async with asyncio.timeout(STORE_S):
            live = await parts.reads.live()
            lags = await live.lag.lags()
    except Refilling as error:
        found = Readiness(
            status="refilling", detail=str(error), generation=error.readers.generation, folds=[]
        )
    except (StoreUnavailable, TimeoutError) as error:
        _LOG.warning("store_unavailable", error=str(error))  # with its address, which is not for everybody
        found = Readiness(
            status="store_unavailable", detail="redis does not answer", generation=None, folds=[]
        )
    else:
        found = readiness(live.generation, lags, parts.clock.now_ms(), parts.settings.ready_max_lag)
    found = found.model_copy(update={"publisher_fullness": round(parts.log.fullness(), 3)})
    status = 200 if found.status in ("ready", "stale") else 503
    return Response(found.model_dump_json(), status, media_type="application/json")


@router.get("/metrics", response_class=Response)
async def metrics() -> Response:
    """This process's metrics, in Prometheus' text format."""
    return Response(generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})


def readiness(generation: int, lags: Sequence[FoldLag], now_ms: int, max_lag: int) -> Readiness:
    """What these lags mean. Pure."""
    folds = [_fold(name, lags, now_ms, max_lag) for name in sorted({one.fold for one in lags})]
    behind = [one for one in folds if one.behind]
    stale = [one for one in folds if one.told_ms_ago > STALE_MS]
    if not folds:
        detail = f"no worker ever told of generation {generation}: it is empty or was lost"
        return Readiness(status="empty", detail=detail, generation=generation, folds=[])
    if behind:
        detail = ", ".join(f"{one.fold} is {one.lag} records behind" for one in behind)
        return Readiness(status="behind", detail=detail, generation=generation, folds=folds)
    if stale:
        detail = f"nothing told for 30 s of: {_names(stale)}"
        return Readiness(status="stale", detail=detail, generation=generation, folds=folds)
    return Readiness(status="ready", detail="", generation=generation, folds=folds)


def _fold(name: str, lags: Sequence[FoldLag], now_ms: int, max_lag: int) -> FoldReadiness:
    own = [one for one in lags if one.fold == name]
    lag = sum(one.lag for one in own)
    age = max(0, now_ms - max(one.at for one in own))
    return FoldReadiness(fold=name, lag=lag, told_ms_ago=age, behind=lag > max_lag)


def _names(folds: Iterable[FoldReadiness]) -> str:
    return ", ".join(one.fold for one in folds)
