"""The stages by name."""

from collections.abc import Callable, Mapping

from infra.bench import (
    fanout_stage,
    feed_stage,
    fold_stages,
    growth_stage,
    ingest_stage,
    latency_stage,
    replay_stage,
    transcode_stage,
    viral_stage,
)
from infra.bench.result import Result
from infra.bench.scene import Tell

STAGES: Mapping[str, Callable[[int, int, Tell], Result]] = {
    "fold": fold_stages.fold,
    "fold-clickhouse": fold_stages.fold_clickhouse,
    "fold-both": fold_stages.fold_both,
    "replay": replay_stage.replay,
    "ingest": ingest_stage.ingest,
    "feed": feed_stage.feed,
    "fanout": fanout_stage.fanout,
    "viral": viral_stage.viral,
    "latency": latency_stage.latency,
    "growth": growth_stage.growth,
    "transcode": transcode_stage.transcode,
}
"""(events, rounds, whom to tell) -> what was found."""
