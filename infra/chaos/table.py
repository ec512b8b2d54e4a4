"""The table of cases: the fault matrix, each fault by its name."""

from infra.chaos import (
    api_cases,
    broker_cases,
    cluster_cases,
    fetch_cases,
    poison_cases,
    prober_cases,
    replay_cases,
    restart_cases,
    sink_cases,
    time_cases,
    upgrade_cases,
    worker_cases,
)
from infra.chaos.case import Case

CASES: tuple[Case, ...] = (
    *worker_cases.CASES,
    *restart_cases.CASES,
    *sink_cases.CASES,
    *poison_cases.CASES,
    *time_cases.CASES,
    *fetch_cases.CASES,
    *replay_cases.CASES,
    *upgrade_cases.CASES,
    *api_cases.CASES,
    *broker_cases.CASES,
    *prober_cases.CASES,
    *cluster_cases.CASES,
)
BY_NAME = {case.name: case for case in CASES}
