"""Trials, two at a time: each of two processes has its servers and takes the next mutant when it is free."""

import importlib
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis

from tests.mutants.operators import Mutant
from tests.mutants.table import Held
from tests.mutants.trial import Verdict, tried
from tests.mutants.written import write
from tests.stack import Servers

WORKERS = 2
FAST_S, BROKER_S = 300.0, 400.0
"""Long, because machines are busy: what never ends uses up its processor time first (trial.py)."""
HEAVY = (
    "polars",
    "numpy",
    "hypothesis",
    "redis.asyncio",
    "fastavro",
    "confluent_kafka",
    "faust",
    "schemas.events",
    "schemas.columns",
    "schemas.codec",
    "schemas.batch",
    "infra.clients",
    "infra.kafka.config",
    "infra.provision.topics",
    "infra.registry",
)
"""Loaded before the forks: libraries, and the rooms that know none of the mutated ones."""


@dataclass(frozen=True, slots=True)
class Task:
    """A mutant, and where its tests are named."""

    held: Held
    mutant: Mutant


class Bench:
    """Servers to try on. A broker is started by the first trial that needs it."""

    def __init__(self) -> None:
        for name in HEAVY:
            importlib.import_module(name)
        self._servers = Servers()
        self._url = self._servers.start("redis").redis_url.get_secret_value()

    def verdict(self, held: Held, mutant: Mutant | None) -> Verdict:
        """The fast tests', and if these see nothing, those on the broker."""
        code = None if mutant is None else compile(mutant.source, mutant.module, "exec")
        found = Verdict("survived", 0.0, "")
        for tests, limit_s in ((held.fast, FAST_S), (held.broker, BROKER_S)):
            if tests and found.outcome == "survived":
                if tests is held.broker:
                    self._servers.start("kafka")
                with redis.Redis.from_url(self._url) as client:
                    client.flushall()
                found = tried(held.imported_as, code, tests, self._servers, limit_s)
        return found

    def close(self) -> None:
        """Stop the servers."""
        self._servers.stop()


def baseline(every: Sequence[Held]) -> str:
    """What fails with no mutant at all; empty when nothing does."""
    if not every:
        return ""
    bench = Bench()
    try:
        for held in every:
            verdict = bench.verdict(held, None)
            if verdict.outcome != "survived":
                return f"{held.module}: {verdict.outcome}\n{verdict.said}"
    finally:
        bench.close()
    return ""


def try_all(tasks: Sequence[Task]) -> None:
    """Each outcome is written at once; progress goes to stdout."""
    context = multiprocessing.get_context("fork")
    following, done = context.Value("i", 0), context.Value("i", 0)
    workers = [context.Process(target=_work, args=(tasks, following, done)) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def _work(tasks: Sequence[Task], following: Any, done: Any) -> None:
    bench, begun, parent = Bench(), time.monotonic(), os.getppid()
    try:
        while os.getppid() == parent:
            with following.get_lock():
                index = following.value
                following.value += 1
            if index >= len(tasks):
                return
            task = tasks[index]
            verdict = bench.verdict(task.held, task.mutant)
            write(task.mutant, verdict.outcome, verdict.seconds, verdict.said)
            with done.get_lock():
                done.value += 1
                _progress(done.value, len(tasks), time.monotonic() - begun, task.mutant, verdict)
    finally:
        bench.close()


def _progress(done: int, of: int, elapsed_s: float, mutant: Mutant, verdict: Verdict) -> None:
    left_min = elapsed_s / done * (of - done) / 60
    change = f"{mutant.module}:{mutant.line} {mutant.before[:50]} -> {mutant.after[:50]}"
    sys.stdout.write(
        f"{done}/{of} ({left_min:.0f} min left) {verdict.outcome} {verdict.seconds:.1f} s {change}\n"
    )
    sys.stdout.flush()
