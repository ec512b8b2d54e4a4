"""Holds what the encoder made to what was asked of it, before anyone is told that it is there."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from projections.renditions import ffmpeg, playlist
from projections.renditions.ladder import Rung, Source

VERIFY_TIMEOUT_S = 60.0
TOLERANCE_MS = 250
"""How far a rung's length may be from the source's: sound may run a little longer than the picture."""


class VerificationFailed(Exception):
    """An output is not what it should be; the message says how."""


@dataclass(frozen=True, slots=True)
class Made:
    """A verified output. ``files`` are its parts in name order; rates in bits a second."""

    kind: str
    rung: int
    width: int
    height: int
    codecs: str
    peak_bps: int
    average_bps: int
    frames: int
    duration_ms: int
    files: tuple[Path, ...]

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files)

    @property
    def sha256(self) -> str:
        """Over all its files in name order, hex."""
        digest = hashlib.sha256()
        for path in self.files:
            with path.open("rb") as file:
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
        return digest.hexdigest()


async def verify_rung(home: Path, rung: Rung, source: Source) -> Made:
    """The rung in its folder; raises VerificationFailed."""
    index = home / "index.m3u8"
    try:
        parts = playlist.segments(index.read_text("utf-8"))
    except (OSError, playlist.InvalidPlaylist) as error:
        raise VerificationFailed(f"rung {rung.rung}: {error}") from error
    seen = await _read(["-protocol_whitelist", "file", "-format_whitelist", "hls,mov", str(index)])
    frames = _check(f"rung {rung.rung}", seen, rung, source)
    _check_key_frames(rung, parts, seen)
    sizes = [((home / part.name).stat().st_size, part.seconds) for part in parts]
    peak, average = playlist.rates(sizes)
    codecs = playlist.codecs((home / "init.mp4").read_bytes(), _audio_profile(seen))
    return Made(
        kind="hls",
        rung=rung.rung,
        width=rung.width,
        height=rung.height,
        codecs=codecs,
        peak_bps=peak,
        average_bps=average,
        frames=frames,
        duration_ms=round(1000 * sum(part.seconds for part in parts)),
        files=(index, home / "init.mp4", *(home / part.name for part in parts)),
    )


async def verify_download(path: Path, rung: Made, source: Source) -> Made:
    """The faststart MP4 that was copied from a rung; raises VerificationFailed."""
    with path.open("rb") as file:
        start = file.read(65_536)
    if b"moov" not in start:
        raise VerificationFailed("download: its index does not stand at the front")
    seen = await _read([*ffmpeg.SAFE_INPUT[:4], str(path)])
    frames = _check("download", seen, rung, source)
    size = path.stat().st_size
    average = round(8 * size / (source.duration_ms / 1000))
    return Made(
        kind="mp4",
        rung=rung.rung,
        width=rung.width,
        height=rung.height,
        codecs=rung.codecs,
        peak_bps=max(rung.peak_bps, average),
        average_bps=average,
        frames=frames,
        duration_ms=rung.duration_ms,
        files=(path,),
    )


async def _read(words: list[str]) -> dict[str, Any]:
    entries = "stream=codec_type,codec_name,profile,width,height:packet=codec_type,pts_time,flags"
    try:
        out = await ffmpeg.probe(["-of", "json=c=1", "-show_entries", entries, *words], VERIFY_TIMEOUT_S)
    except ffmpeg.ToolFailed as error:
        raise VerificationFailed(f"it cannot be read back: {error.tail}") from error
    seen = json.loads(out)
    return seen if isinstance(seen, dict) else {}


def _check(what: str, seen: dict[str, Any], rung: Rung | Made, source: Source) -> int:
    """Codec, size, sound, length; answers the number of frames."""
    streams = {one.get("codec_type"): one for one in seen.get("streams", [])}
    picture = streams.get("video", {})
    if picture.get("codec_name") != "h264":
        raise VerificationFailed(f"{what}: no H.264 picture")
    if (picture["width"], picture["height"]) != (rung.width, rung.height):
        raise VerificationFailed(f"{what}: {picture['width']}x{picture['height']}")
    if ("audio" in streams) != source.sound:
        raise VerificationFailed(f"{what}: sound is {'missing' if source.sound else 'there'}")
    frames = len(_times(seen))
    length = round(1000 * frames / source.fps)
    if abs(length - source.duration_ms) > TOLERANCE_MS + 2000 / source.fps:
        raise VerificationFailed(f"{what}: {frames} frames, {length} ms of {source.duration_ms} ms")
    return frames


def _check_key_frames(rung: Rung, parts: tuple[playlist.Segment, ...], seen: dict[str, Any]) -> None:
    """Every segment begins with a key frame."""
    start = min(at for at, _ in _times(seen))
    keys = [at - start for at, key in _times(seen) if key]
    begins = 0.0
    for part in parts:
        if not any(abs(at - begins) < 0.02 for at in keys):
            raise VerificationFailed(f"rung {rung.rung}: {part.name} does not begin with a key frame")
        begins += part.seconds


def _times(seen: dict[str, Any]) -> list[tuple[float, bool]]:
    """(time in s, is a key frame) of the picture's packets."""
    packets = [one for one in seen.get("packets", []) if one.get("codec_type") == "video"]
    return [(float(one["pts_time"]), one["flags"].startswith("K")) for one in packets]


def _audio_profile(seen: dict[str, Any]) -> str | None:
    return next((one.get("profile", "") for one in seen["streams"] if one["codec_type"] == "audio"), None)
