"""One part under watch: a small state machine that the supervisor steps."""

import time
from collections.abc import Collection
from pathlib import Path

from infra.stack.part import Part
from infra.stack.process import Child
from infra.stack.status import PartState, PartStatus
from infra.telemetry import Log

PROBE_EVERY_S = 2.0
BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
STEADY_S = 60.0
LOG_BYTES = 20_000_000
_LOG = Log("stack")


class PartDied(Exception):
    """A part ended, or did not become ready in its time; the message says where to look.

    ``final``: another start would end the same way.
    """

    def __init__(self, message: str, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


class Watched:
    """A part and what is known of it. Nothing here blocks for longer than one probe."""

    def __init__(self, part: Part, data: Path) -> None:
        self.part = part
        self.state: PartState = "waiting"
        self._log = part.log(data)
        self._child: Child | None = None
        self._since = time.monotonic()
        self._probe_at = 0.0
        self._failures = 0
        self._restarts = 0
        self._ready_ms: int | None = None
        self._message = ""

    @property
    def settled(self) -> bool:
        """Whether parts after this one may start."""
        return self.state in ("ready", "done", "unhealthy")

    def step(self, settled: Collection[str]) -> None:
        """Look once, act if need be; raises PartDied when it ended or is too late."""
        if self.state == "waiting" and set(self.part.after) <= set(settled):
            self._begin()
        elif self.state == "starting":
            self._check_start()
        elif self.state in ("ready", "unhealthy"):
            self._check_life()
        elif self.state == "restarting" and time.monotonic() >= self._since:
            self._begin()
        elif self.state == "retiring" and self._child is not None:
            late = time.monotonic() - self._since > self.part.stop_s
            if late or self._child.code is not None:
                self.kill()

    def fail(self, death: PartDied) -> None:
        """Note a death at run time and plan the restart, later each time, never later than the bound.

        A final death plans none.
        """
        self.kill()
        reason = str(death)
        if death.final:
            self._message = reason
            self._become("halted")
            _LOG.error("part_gave_up", part=self.part.name, reason=reason)
            return
        if self.state != "starting" and time.monotonic() - self._since > STEADY_S:
            self._failures = 0
        pause = BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
        self._failures += 1
        self._restarts += 1
        self._message = f"{reason}; restart {self._restarts} in {pause:.1f} s"
        self._become("restarting")
        self._since = time.monotonic() + pause
        _LOG.warning("part_died", part=self.part.name, reason=reason, pause_s=pause)

    def kill(self) -> None:
        """End what is left of it, at once."""
        if self._child is not None:
            self._child.wait(0)
            self._child = None

    def ask_to_stop(self) -> None:
        """SIGTERM; returns at once."""
        if self._child is not None:
            self._child.ask_to_stop()

    def retire(self) -> None:
        """The part is wanted no more: ask it to end, and let `step` see to it."""
        if self.state != "retiring":
            self.ask_to_stop()
            self._become("retiring")
            _LOG.info("part_retired", part=self.part.name)

    @property
    def gone(self) -> bool:
        """Whether a retired part has ended."""
        return self.state == "retiring" and self._child is None

    def finish(self) -> None:
        """Wait for the end, kill past the bound."""
        if self._child is not None:
            self._child.wait(self.part.stop_s)
            self._child = None
        if self.state != "done":
            self._become("stopped")

    def status(self) -> PartStatus:
        """What the status file says of it."""
        child = self._child
        return PartStatus(
            name=self.part.name,
            state=self.state,
            pid=child.pid if child else 0,
            started=child.started if child else 0.0,
            restarts=self._restarts,
            ready_ms=self._ready_ms,
            url=self.part.url,
            log=str(self._log),
            message=self._message,
        )

    def _begin(self) -> None:
        self._become("starting")
        if self.part.ready is None and self.part.done():
            self._become("done")
            return
        if self._log.exists() and self._log.stat().st_size > LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        self.part.prepare()
        try:
            self._child = Child(self.part.command, self.part.environment, self._log)
        except FileNotFoundError as error:
            raise PartDied(f"{self.part.name} cannot start: {error.filename} is not there") from None
        _LOG.info("part_started", part=self.part.name, pid=self._child.pid)

    def _check_start(self) -> None:
        code = self._child.code if self._child else None
        if self.part.ready is None and code == 0:
            self._child = None
            self._arrive("done")
        elif code is not None:
            raise self._death(code, " while starting")
        elif self.part.ready is not None and self.part.ready():
            self._arrive("ready")
        elif time.monotonic() - self._since > self.part.start_s:
            late = f"{self.part.name} is not ready after {self.part.start_s:.0f} s; see {self._log}"
            raise PartDied(late)

    def _check_life(self) -> None:
        code = self._child.code if self._child else None
        if code is not None:
            raise self._death(code)
        if self.part.ready is not None and time.monotonic() >= self._probe_at:
            self._probe_at = time.monotonic() + PROBE_EVERY_S
            self.state = "ready" if self.part.ready() else "unhealthy"
            self._message = (
                "" if self.state == "ready" else f"{self.part.name} does not answer; see {self._log}"
            )

    def _death(self, code: int, when: str = "") -> PartDied:
        said = f"{self.part.name} {_ended(code)}{when}; see {self._log}"
        advice = self.part.final.get(code, "")
        if not advice:
            return PartDied(said)
        return PartDied(f"{_last_word(self._log)}{advice} ({said})", final=True)

    def _arrive(self, state: PartState) -> None:
        self._ready_ms = int((time.monotonic() - self._since) * 1000)
        self._message = ""
        self._become(state)
        _LOG.info("part_ready", part=self.part.name, ready_ms=self._ready_ms)

    def _become(self, state: PartState) -> None:
        self.state = state
        self._since = time.monotonic()


def _ended(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"


def _last_word(log: Path) -> str:
    """What a part of ours said on its way out: its log's last line, `reelfold <part>: <why>`."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4_000))
        line = file.read().decode(errors="replace").rstrip().rpartition("\n")[2]
    return f"{line}. " if line.startswith("reelfold ") else ""
