"""The clip that the stage `transcode` encodes: 15 s upright, the same for everybody, at a phone's rate.

A fractal that is flown into (motion and edges everywhere), a test card that wanders over it, grain on both.
It comes to about 20 Mbit/s of H.264, which is what phones write at 1080p.
"""

import asyncio
import subprocess
from hashlib import sha256
from pathlib import Path

from projections.renditions import probe
from projections.renditions.fold import Original
from projections.renditions.judge import Limits

SECONDS, FPS = 15, 30
RATE = "17M"
_GRAPH = (
    "[0:v]scale=1080:1920:flags=bicubic,setsar=1[far];"
    "[far][1:v]overlay=x='270+200*sin(t)':y='720+500*cos(t*0.7)',"
    "noise=alls=3:allf=t:all_seed=7,format=yuv420p[v]"
)
_LIMITS = Limits(2 * 1024**3, 100, 3_600_000)


def made(path: Path, seconds: float = SECONDS) -> Path:
    """Write the clip there."""
    inputs = (
        f"mandelbrot=size=540x960:rate={FPS}:end_scale=0.003:maxiter=200",
        f"testsrc2=size=540x480:rate={FPS}",
        "sine=frequency=330:beep_factor=4:sample_rate=48000",
    )
    words = ["ffmpeg", "-nostdin", "-y", "-loglevel", "error"]
    for source in inputs:
        words += ["-f", "lavfi", "-i", source]
    words += ["-filter_complex", _GRAPH, "-map", "[v]", "-map", "2:a", "-t", str(seconds)]
    words += ["-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", str(FPS)]
    # no bound on the rate's peaks: x264 would hold it by the clock of its threads, each time otherwise
    words += ["-b:v", RATE, "-c:a", "aac", "-f", "mp4", str(path)]
    subprocess.run(words, check=True, capture_output=True, timeout=600)
    return path


def validated(path: Path, runner: asyncio.Runner) -> Original:
    """What the product's own validation finds of it; raises Rejected when it is no video."""
    found = runner.run(probe.validate(path, _LIMITS, 600))
    digest = sha256(path.read_bytes()).hexdigest()
    sound = found.audio_codec is not None
    return Original("clip", digest, found.width, found.height, found.duration_ms, found.fps, sound)
