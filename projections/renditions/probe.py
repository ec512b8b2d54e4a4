"""Proves that a file is a video: its header is judged, then the whole picture is decoded once.

Only decoding proves that it decodes, and shows a file that was cut off.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from projections.renditions import ffmpeg
from projections.renditions.judge import Limits, Probe, Rejected, judge, within

PROBE_TIMEOUT_S = 30.0
_SIGNATURES = ((4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (0, b"\x1aE\xdf\xa3"), (0, b"RIFF"), (0, b"FLV"))
"""(place, bytes): how files begin that are, or were to be, a video."""


async def validate(path: Path, limits: Limits, timeout_s: float) -> Probe:
    """What the file is, proved by decoding it all; raises Rejected, or ToolFailed on a timeout.

    Name the file without an extension: ffmpeg would believe it.
    """
    size = path.stat().st_size
    if not size:
        raise Rejected("empty_file", "the file has no bytes")
    if size > limits.max_bytes:
        raise Rejected("too_large", f"{size} bytes; at most {limits.max_bytes} are taken")
    found = judge(await header(path), limits)
    return await _decoded(path, found, limits, timeout_s)


async def header(path: Path) -> Mapping[str, Any]:
    """ffprobe's JSON of a file; raises Rejected when it cannot open it."""
    words = [*ffmpeg.SAFE_INPUT[:4], "-of", "json", "-show_format", "-show_streams", str(path)]
    try:
        out = await ffmpeg.probe(words, PROBE_TIMEOUT_S)
    except ffmpeg.ToolFailed as error:
        if error.code == "timeout":
            raise
        if _begins_as_video(path):
            raise Rejected("undecodable", f"it begins as a video and cannot be read: {error.tail}") from error
        raise Rejected("not_a_video", "the file is not of any video format that is taken") from error
    found = json.loads(out)
    return found if isinstance(found, dict) else {}


async def _decoded(path: Path, found: Probe, limits: Limits, timeout_s: float) -> Probe:
    """Decode every picture, up to a little more than the longest that is taken."""
    bound = ["-t", str(limits.max_ms / 1000 + 5)]
    words = [*ffmpeg.SAFE_INPUT, "-skip_loop_filter", "all", *bound, "-i", str(path)]
    try:
        done = await ffmpeg.run(
            [
                *words,
                "-max_error_rate",
                "0.05",
                "-map",
                "0:v:0",
                "-fps_mode",
                "passthrough",
                "-f",
                "null",
                "-",
            ],
            timeout_s,
        )
    except ffmpeg.ToolFailed as error:
        if error.code == "timeout":
            raise
        raise Rejected("undecodable", error.tail) from error
    if not done.frames or done.out_ms < found.duration_ms - max(500, found.duration_ms // 50):
        raise Rejected(
            "undecodable", f"{done.out_ms} ms of {found.duration_ms} ms can be decoded. {done.errors}".strip()
        )
    length = max(found.duration_ms, done.out_ms)
    within(length, limits)
    return replace(found, duration_ms=length)


def _begins_as_video(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(16)
    return any(start[place : place + len(mark)] == mark for place, mark in _SIGNATURES)
