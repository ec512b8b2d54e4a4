"""The worker's own pages, on loopback: /healthz, /readyz, /lag, /metrics."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import faust
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from infra.telemetry import REGISTRY
from projections.lag import FoldLag
from streams.lane.lane import Lane


def register(app: faust.App, lanes: Sequence[Lane], lags: Callable[[], list[FoldLag]]) -> None:
    """Add the pages to the app."""

    @app.page("/healthz", name="healthz")
    async def healthz(view: Any, request: Any) -> Any:
        return view.json({"status": "ok"})

    @app.page("/readyz", name="readyz")
    async def readyz(view: Any, request: Any) -> Any:
        waiting = [lane.name for lane in lanes if lane.waiting]
        placing = [lane.name for lane in lanes if lane.assignment is None or lane.assignment.pending]
        gone = [key for lane in lanes if lane.assignment is not None for key in lane.assignment.gone]
        ready = not waiting and not placing
        body = {"ready": ready, "waiting": waiting, "finding_their_place": placing}
        if gone:
            body["waiting_for_replay"] = sorted(f"{topic}/{partition}" for topic, partition in gone)
        return view.json(body, status=200 if ready else 503)

    @app.page("/lag", name="lag")
    async def lag(view: Any, request: Any) -> Any:
        return view.json([{**asdict(one), "lag": one.lag} for one in lags()])

    @app.page("/metrics", name="metrics")
    async def metrics(view: Any, request: Any) -> Any:
        return view.bytes(generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})
