"""Runs ffmpeg and ffprobe: the only subprocesses of this room.

Sources are hostile. Therefore: argument lists and no shell, no terminal, local files only, a short list
of demuxers (playlists and concat scripts open other files, so they are not on it), a bound on pixels,
time, memory of output and size of files; lowest priority; and the child dies with its parent.
"""

import asyncio
import os
import re
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass

FORMATS = "mov,matroska,avi,mpegts,mpeg,flv,ogg,asf"
"""Demuxers that may open a source (a name stands for its family: mov is mp4 too)."""
SAFE_INPUT = ("-protocol_whitelist", "file", "-format_whitelist", FORMATS, "-max_pixels", str(8192 * 8192))
LARGEST_FILE = 2 * 1024**3
TAIL_BYTES = 1_800
"""How much of the errors is kept; transcode.failed takes 2,000 characters."""
STDERR_BYTES = 65_536
OUTPUT_BYTES = 8 * 1024 * 1024

_YIELD = 'echo 10 2> /dev/null > /proc/self/autogroup; exec nice -n 10 "$@"'
"""Where the kernel shares the processor out by sessions (autogroup), niceness counts only within one."""
_LAUNCH = ("sh", "-c", _YIELD, "sh", "prlimit", f"--fsize={LARGEST_FILE}", "setpriv", "--pdeathsig", "KILL")
_CPU = re.compile(r"bench: utime=([\d.]+)s stime=([\d.]+)s")
_PLACE = re.compile(r"(?:/[^\s/:']+)+/")
_TOLD = re.compile(r"\[(?:error|fatal|panic)\] ")

Progress = Callable[[int], None]
"""Told how far the encoder is, ms of the video."""


class ToolFailed(Exception):
    """ffmpeg or ffprobe did not do it; ``code`` is failed or timeout, ``tail`` the last of its errors."""

    def __init__(self, code: str, tail: str) -> None:
        super().__init__(f"{code}: {tail}")
        self.code = code
        self.tail = tail


@dataclass(frozen=True, slots=True)
class Done:
    """A run that ended well: CPU time, frames and length written, errors that it survived."""

    cpu_ms: int
    frames: int
    out_ms: int
    errors: str


async def probe(words: Sequence[str], timeout_s: float) -> bytes:
    """What ffprobe writes, at most OUTPUT_BYTES; raises ToolFailed."""
    process = await _start(["ffprobe", "-hide_banner", "-loglevel", "level+error", *words])
    out = bytearray()

    async def collect() -> None:
        assert process.stdout is not None
        while chunk := await process.stdout.read(65_536):
            out.extend(chunk)
            if len(out) > OUTPUT_BYTES:
                raise ToolFailed("failed", "ffprobe wrote more than expected")

    await _finish(process, collect(), timeout_s)
    return bytes(out)


async def run(words: Sequence[str], timeout_s: float, progress: Progress = lambda _: None) -> Done:
    """Run ffmpeg with these words; raises ToolFailed. Cancelled, it takes the child with it."""
    always = ["ffmpeg", "-nostdin", "-y", "-hide_banner", "-nostats", "-loglevel", "level+info"]
    process = await _start([*always, "-benchmark", "-progress", "pipe:1", *words])
    last = {"frame": "0", "out_time_us": "0"}

    async def follow() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            name, _, value = line.decode("ascii", "replace").strip().partition("=")
            last[name] = value
            if name == "progress":
                progress(_number(last["out_time_us"]) // 1000)

    text = await _finish(process, follow(), timeout_s)
    spent = _CPU.search(text)
    cpu_ms = round(1000 * sum(map(float, spent.groups()))) if spent else 0
    return Done(cpu_ms, _number(last["frame"]), _number(last["out_time_us"]) // 1000, _errors(text))


async def _start(words: Sequence[str]) -> Process:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "AV_LOG_FORCE_NOCOLOR": "1"}
    return await asyncio.create_subprocess_exec(
        *_LAUNCH,
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env=environment,
        start_new_session=True,
    )


async def _finish(process: Process, reader: Coroutine[None, None, None], timeout_s: float) -> str:
    """Read both pipes to their ends; the end of stderr. Kills the child's group on every way out."""
    try:
        async with asyncio.timeout(timeout_s):
            _, text = await asyncio.gather(reader, _tail(process))
            code = await process.wait()
    except TimeoutError:
        raise ToolFailed("timeout", f"not done within {timeout_s:g} s") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if code:
        raise ToolFailed("failed", _errors(text) or f"ended with {code}")
    return text


async def _tail(process: Process) -> str:
    """The end of stderr, STDERR_BYTES at most in memory: the CPU time, which is looked for there, is
    followed by the encoders' last words."""
    assert process.stderr is not None
    kept = bytearray()
    while chunk := await process.stderr.read(4_096):
        kept.extend(chunk)
        del kept[:-STDERR_BYTES]
    return kept.decode("utf-8", "replace")


def _errors(text: str) -> str:
    """The lines that tell of errors, the last of them, without places on this machine."""
    lines = [_TOLD.sub("", line) for line in text.splitlines() if _TOLD.search(line)]
    return "\n".join(_PLACE.sub("", line) for line in lines)[-TAIL_BYTES:]


def _number(text: str) -> int:
    return int(text) if text.lstrip("-").isdigit() else 0
