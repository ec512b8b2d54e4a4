"""Logs and metrics: one vocabulary of event names, one table of metrics.

A log line is JSON on stderr: `log.info("batch_applied", fold=..., topic=...)`. Names are typed, so a
typo fails mypy and a reader can grep this file for all that may ever be logged or measured.
"""

import logging
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO, Literal, cast

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from infra.telemetry_lines import AfterThose, Together

LogEvent = Literal[
    "stack_starting", "stack_ready", "stack_stopped", "part_started", "part_ready", "part_died",
    "part_restarted", "part_gave_up", "provisioned", "worker_started", "worker_stopping",
    "lane_assigned", "lane_revoked", "lane_seek", "lane_error", "batch_applied", "position_conflict",
    "sink_unavailable", "sink_recovered", "record_dead_lettered", "dead_letter_limit", "agent_crashed",
    "job_claimed", "job_lost", "job_step_done", "job_failed", "upload_opened", "upload_completed",
    "request_failed", "events_accepted", "events_rejected", "log_unavailable", "schema_fetched",
    "registry_unavailable", "key_created", "clickhouse_query_failed", "watchdog_exit", "timer_failed",
    "api_started", "api_stopping", "trending_ranked", "faust_log",
    "request_served", "producer_renewed", "jwks_unavailable", "catalog_unavailable", "publish_unflushed",
    "store_unavailable", "store_back", "held", "released", "pointer_restored",
    "generation_promoted", "generation_dropped", "part_retired",
    "archive_range_written", "archive_unavailable", "archive_back", "archive_hole", "lane_waits_for_replay",
    "replay_partition_done",
]  # fmt: skip

REGISTRY = CollectorRegistry()
_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000)
_S = tuple(bound / 1000 for bound in _MS)

LAG = Gauge("reelfold_lag_records", "Records between the log's end and the fold's position.",
            ["fold", "topic", "partition"], registry=REGISTRY)  # fmt: skip
BATCH_ROWS = Histogram("reelfold_batch_rows", "Rows of a record batch.", ["fold"],
                       buckets=(1, 10, 100, 1_000, 10_000, 50_000), registry=REGISTRY)  # fmt: skip
FOLD_SECONDS = Histogram("reelfold_fold_seconds", "Folding and writing one batch.", ["fold"],
                         buckets=_S, registry=REGISTRY)  # fmt: skip
VISIBLE_SECONDS = Histogram("reelfold_event_to_visible_seconds", "From received_at to the sink's yes.",
                            ["fold"], buckets=_S, registry=REGISTRY)  # fmt: skip
APPLIED = Counter("reelfold_events_applied_total", "Events that a fold has applied.", ["fold"],
                  registry=REGISTRY)  # fmt: skip
DEAD_LETTERS = Counter("reelfold_dead_letters_total", "Records parked in the dead-letter topic.",
                       ["topic", "reason"], registry=REGISTRY)  # fmt: skip
INGESTED = Counter("reelfold_ingested_events_total", "Events by verdict.", ["verdict"],
                   registry=REGISTRY)  # fmt: skip
BACKGROUND = Counter("reelfold_background_events_total", "Facts of the read side (feed.served) by fate.",
                     ["fate"], registry=REGISTRY)  # fmt: skip
REQUEST_SECONDS = Histogram("reelfold_request_seconds", "HTTP requests.", ["route", "status"],
                            buckets=_S, registry=REGISTRY)  # fmt: skip
JOB_SECONDS = Histogram("reelfold_transcode_seconds", "Transcode steps.", ["step"],
                        buckets=(0.5, 1, 2, 5, 10, 20, 60, 120, 300, 900), registry=REGISTRY)  # fmt: skip
ARCHIVED = Counter("reelfold_archived_records_total", "Records written to the archive.", ["topic"],
                   registry=REGISTRY)  # fmt: skip
ARCHIVE_OPEN = Gauge("reelfold_archive_open_records", "Records between the log's end and the archive's.",
                     ["topic", "partition"], registry=REGISTRY)  # fmt: skip


_straight: Callable[[dict[str, Any]], None] | None = None
"""Writes a line of level info as structlog does, for a quarter of the time."""


class Log:
    """structlog behind the typed vocabulary."""

    def __init__(self, room: str) -> None:
        self._room = room
        self._log = structlog.get_logger(room=room)

    def debug(self, event: LogEvent, **values: Any) -> None:
        """What a developer would want to know."""
        self._log.debug(event, **values)

    def info(self, event: LogEvent, **values: Any) -> None:
        """What an operator would want to know."""
        self._log.info(event, **values)

    def often(self, event: LogEvent, **values: Any) -> None:
        """As `info`, for what is told of every request: written past structlog, and together."""
        if _straight is None:
            self._log.info(event, **values)
        else:
            _straight({"room": self._room, **values, "event": event})

    def warning(self, event: LogEvent, **values: Any) -> None:
        """What mends itself, or will be retried."""
        self._log.warning(event, **values)

    def error(self, event: LogEvent, **values: Any) -> None:
        """What somebody must look at."""
        self._log.error(event, **values)


# A command that configures nothing answers on stdout, perhaps with JSON: what is logged goes beside it.
structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def _json(line: dict[str, Any], default: Callable[[Any], Any]) -> bytes:
    return orjson.dumps(line, default=default, option=orjson.OPT_NON_STR_KEYS)


_second: tuple[int, str] = (0, "")


def _now() -> str:
    """The time as TimeStamper writes it; what comes before the fraction is kept while it is true."""
    global _second
    seconds, fraction = divmod(time.time_ns() // 1_000, 1_000_000)
    if seconds != _second[0]:
        _second = seconds, time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(seconds))
    return f"{_second[1]}{fraction:06d}Z"


def _silent(_: dict[str, Any]) -> None:
    """The level is above info."""


def _named(process: str, _: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    line["process"] = process
    return line


def configure(level: str, process: str) -> None:
    """Set up JSON logging for this process, the standard library's loggers included."""
    number = cast(int, getattr(logging, level.upper()))
    shared: list[structlog.typing.Processor] = [
        partial(_named, process),
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    together = Together(sys.stderr.buffer)
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_json)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(cast(BinaryIO, together)),
        cache_logger_on_first_use=True,
    )
    global _straight

    def straight(line: dict[str, Any]) -> None:
        line["process"], line["level"], line["timestamp"] = process, "info", _now()
        together.often(_json(line, str) + b"\n")

    _straight = straight if number <= logging.INFO else _silent
    handler = AfterThose(together, sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)
