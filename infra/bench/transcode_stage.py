"""Stage `transcode`: a clip to the whole ladder, by the effector's step, beside one ffmpeg for each rung.

What anybody made is read back: every rung whole, as large and as long as it should be. A frame of the clip is
the event that is counted, so microseconds a frame are those of all of its rungs.
"""

import asyncio
import json
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

from infra.bench.clip import FPS, SECONDS, made, validated
from infra.bench.encoders import Encoders
from infra.bench.measure import Contender, Sample, interleaved, ratio
from infra.bench.result import Result, Target, figures
from infra.bench.scene import OURS, Disagree, Tell
from projections.renditions import package

IN_TURN, SIDE, BARE = "a rung after another", "rungs side by side", "bare ffmpeg, same command"


def transcode(events: int, runs: int, tell: Tell, own: Path | None = None) -> Result:
    """A clip -> the ladder. ``events``: frames, where they are fewer than the clip has. ``own``: a video to
    take instead of the clip that is made here."""
    with tempfile.TemporaryDirectory(prefix="reelfold-bench-") as home, asyncio.Runner() as runner:
        clip = own or made(Path(home) / "clip.mp4", min(SECONDS, events / FPS))
        at = Encoders(clip, validated(clip, runner), runner)
        one = at.original
        rate = 8 * clip.stat().st_size / one.duration_ms / 1000
        tell(f"a clip of {one.duration_ms / 1000:g} s, {one.width}x{one.height}, {rate:.0f} Mbit/s")
        contenders: dict[str, Contender] = {
            OURS: lambda: _timed(at, at.ours, Path(home), package.MASTER),
            IN_TURN: lambda: _timed(at, at.in_turn, Path(home)),
            SIDE: lambda: _timed(at, at.side_by_side, Path(home)),
            BARE: lambda: _timed(at, at.bare, Path(home)),
        }
        found = interleaved(contenders, runs, tell)
    whole = median(sample.seconds for sample in found[OURS])
    rungs = ", ".join(str(rung.rung) for rung in at.rungs)
    notes = [
        f"{one.duration_ms / 1000:g} s, {one.width}x{one.height}, {one.fps:g} frames/s, {rate:.0f} Mbit/s; "
        f"rungs {rungs}",
        f"the first segment that plays ({at.rungs[-1].rung}, 2 s) is whole after {median(at.first_s):.2f} s; "
        f"told, with everything verified, after {whole:.2f} s",
    ]
    best = max((IN_TURN, SIDE), key=lambda name: median(sample.rate for sample in found[name]))
    targets = [
        Target(f"1.5 times the better of one ffmpeg per rung ({best})", 1.5, ratio(found, OURS, best)),
        Target("within 3 % of bare ffmpeg", 0.97, ratio(found, OURS, BARE)),
    ]
    return Result("transcode", OURS, "frames/s", figures(found), targets, BARE, notes)


def _timed(at: Encoders, encode: Callable[[Path], Path], home: Path, master: str = "") -> Sample:
    folder = Path(tempfile.mkdtemp(dir=home))
    try:
        at.uploaded(folder)
        before, began = _spent(), time.monotonic()
        made_in = encode(folder)
        seconds, after = time.monotonic() - began, _spent()
        frames = _read_back(at, made_in, master)
    finally:
        with suppress(OSError):
            shutil.rmtree(folder)
    return Sample(frames, seconds, {name: after[name] - before[name] for name in after})


def _spent() -> dict[str, float]:
    """Processor seconds of this process and of the children that have ended."""
    whose = {"itself": resource.RUSAGE_SELF, "ffmpeg": resource.RUSAGE_CHILDREN}
    used = {name: resource.getrusage(who) for name, who in whose.items()}
    return {name: one.ru_utime + one.ru_stime for name, one in used.items()}


def _read_back(at: Encoders, folder: Path, master: str) -> int:
    """Decode every rung; the frames that all of them have. Raises Disagree."""
    expected = round(at.original.duration_ms * at.original.fps / 1000)
    playlists = [(f"{rung.rung}/index.m3u8", {(rung.width, rung.height)}) for rung in at.rungs]
    if master:
        playlists.append((master, {(rung.width, rung.height) for rung in at.rungs}))
    for name, sizes in playlists:
        seen = _streams(folder / name)
        frames = [int(one.get("nb_read_frames", 0)) for one in seen]
        if {(one["width"], one["height"]) for one in seen} != sizes or len(seen) != len(sizes):
            raise Disagree(f"{name} leads to {seen}, and {sizes} were to be made")
        if any(abs(one - expected) > 2 for one in frames):
            raise Disagree(f"{name} has {frames} frames, and {expected} were to be made")
    return expected


def _streams(playlist: Path) -> list[dict[str, Any]]:
    """The pictures that a playlist leads to, each decoded to its end."""
    words = ["ffprobe", "-v", "error", "-of", "json=c=1", "-select_streams", "v", "-count_frames"]
    words += ["-show_entries", "stream=width,height,nb_read_frames", str(playlist)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=600)
    streams: list[dict[str, Any]] = json.loads(done.stdout or "{}").get("streams", [])
    if done.returncode or done.stderr:
        raise Disagree(f"{playlist.name} of {playlist.parent.name} does not play: {done.stderr[-300:]}")
    return streams
