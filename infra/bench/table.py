"""The stages by name."""

from collections.abc import Callable, Mapping

from infra.bench import fold_stages, ingest_stage, replay_stage, transcode_stage
from infra.bench.result import Result
from infra.bench.scene import Tell

STAGES: Mapping[str, Callable[[int, int, Tell], Result]] = {
    "fold": fold_stages.fold,
    "fold-clickhouse": fold_stages.fold_clickhouse,
    "fold-both": fold_stages.fold_both,
    "replay": replay_stage.replay,
    "ingest": ingest_stage.ingest,
    "transcode": transcode_stage.transcode,
}
"""(events, rounds, whom to tell) -> what was found."""
