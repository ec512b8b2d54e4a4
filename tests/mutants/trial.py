"""One mutant before its tests, in a forked process of its own.

The fork starts with the heavy libraries loaded, so that a trial costs what its tests cost. Its module comes
from the changed source; every other module, and the tests, from their files.
"""

import ctypes
import importlib.abc
import importlib.machinery
import importlib.util
import itertools
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Literal

import pytest

Outcome = Literal["killed", "survived", "timeout", "broken"]
CPU_S = 60
_DIE_WITH_PARENT = 1
"""Linux: PR_SET_PDEATHSIG. A run that is killed leaves no trial behind."""
_GROUPS = itertools.count()
_REWRITTEN = "ignore::pytest.PytestAssertRewriteWarning"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a trial, after how many seconds, and what the tests last said."""

    outcome: Outcome
    seconds: float
    said: str


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module in its changed form."""

    def __init__(self, module: str, code: CodeType) -> None:
        self._module, self._code = module, code

    def find_spec(
        self, fullname: str, path: Any, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._module:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=str(self._code.co_filename))

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)


class Lent:
    """A pytest plugin: servers that stand already, consumer groups that no other trial uses, and no time
    spent on making a failing example smaller."""

    def __init__(self, servers: Any) -> None:
        self._servers = servers

    def pytest_collection(self, session: object) -> None:
        import hypothesis

        hypothesis.settings.register_profile(
            "mutants",
            deadline=None,
            database=None,
            phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        )
        hypothesis.settings.load_profile("mutants")

    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> object:
        found: object
        if fixturedef.argname == "servers":
            found = self._servers
        elif fixturedef.argname == "group":
            found = f"trial-{os.getpid()}-{next(_GROUPS)}"
        else:
            return None
        fixturedef.cached_result = (found, fixturedef.cache_key(request), None)
        return found


def tried(module: str, code: CodeType | None, tests: Sequence[str], servers: Any, limit_s: float) -> Verdict:
    """Run these tests with the module changed (None: as it is).

    They may take this long, and CPU_S of a processor: what goes round for ever is ended by that on any
    machine, however busy it is.
    """
    said = Path(f"/tmp/reelfold-trial-{os.getpid()}.txt")
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        _run(module, code, tests, servers, said)
    status = _awaited(child, begun + limit_s)
    seconds = time.monotonic() - begun
    tail = "\n".join(said.read_text("utf-8", "replace").splitlines()[-4:])
    if status is None:
        return Verdict("timeout", seconds, tail)
    exit_code = os.waitstatus_to_exitcode(status)
    if exit_code == -signal.SIGXCPU:
        return Verdict("timeout", seconds, tail)
    outcome: Outcome = "survived" if exit_code == 0 else "broken" if exit_code in (4, 5) else "killed"
    return Verdict(outcome, seconds, tail)


def _awaited(child: int, until: float) -> int | None:
    """The child's status, or None when it had to be ended; what it started ends with it."""
    status = None
    while status is None and time.monotonic() < until:
        done, found = os.waitpid(child, os.WNOHANG)
        status = found if done else None
        time.sleep(0.01)
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        return status
    if status is None:
        os.waitpid(child, 0)
    return status


def _run(module: str, code: CodeType | None, tests: Sequence[str], servers: Any, said: Path) -> None:
    os.setsid()
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 5))
    out = os.open(said, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    if code is not None:
        sys.meta_path.insert(0, Changed(module, code))
    options = ["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", "--tb=line", "-W", _REWRITTEN]
    exit_code = 1
    try:
        exit_code = int(pytest.main([*options, *tests], plugins=[Lent(servers)]))
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)
