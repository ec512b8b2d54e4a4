"""Is it a video, and within the limits? Judged by what ffprobe says of the header; pure.

Every refusal has a code that the uploader is shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from projections.renditions.ladder import MAX_FPS, Source

RejectCode = Literal[
    "empty_file",
    "too_large",
    "not_a_video",
    "no_video_stream",
    "unsupported_codec",
    "bad_dimensions",
    "too_short",
    "too_long",
    "undecodable",
]
CODECS = frozenset(
    ["h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg", "h263", "prores"]
    + ["wmv2", "wmv3", "vc1", "theora", "msmpeg4v3", "flv1", "dvvideo"]
)
LEAST_EDGE, GREATEST_EDGE = 16, 8192


class Rejected(Exception):
    """The file is refused for good."""

    def __init__(self, code: RejectCode, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken; lengths in ms."""

    max_bytes: int
    min_ms: int
    max_ms: int


@dataclass(frozen=True, slots=True)
class Probe:
    """What a file's header says. ``width`` and ``height`` as displayed; ``duration_ms`` 0 when untold."""

    width: int
    height: int
    duration_ms: int
    fps: float
    video_codec: str
    audio_codec: str | None
    rotation: int

    @property
    def source(self) -> Source:
        return Source(self.width, self.height, self.duration_ms, self.fps, self.audio_codec is not None)


def judge(found: Mapping[str, Any], limits: Limits) -> Probe:
    """What ffprobe's JSON says of a file; raises Rejected when that already condemns it."""
    streams = found.get("streams", [])
    video = next((one for one in streams if _is_picture(one)), None)
    if video is None:
        raise Rejected("no_video_stream", "there is no moving picture in it")
    codec = video.get("codec_name", "unknown")
    if codec not in CODECS:
        raise Rejected("unsupported_codec", f"video codec {codec} is not taken")
    width, height, rotation = _displayed(video)
    if min(width, height) < LEAST_EDGE or max(width, height) > GREATEST_EDGE:
        raise Rejected(
            "bad_dimensions", f"{width}x{height}; edges of {LEAST_EDGE} to {GREATEST_EDGE} are taken"
        )
    length = _length_ms(video, found.get("format", {}))
    if length:
        within(length, limits)
    sound = next((one["codec_name"] for one in streams if _is_sound(one)), None)
    return Probe(width, height, length, _fps(video), codec, sound, rotation)


def within(length_ms: int, limits: Limits) -> None:
    """Raises Rejected when the length is not."""
    if length_ms < limits.min_ms:
        raise Rejected("too_short", f"{length_ms} ms; at least {limits.min_ms} ms are asked for")
    if length_ms > limits.max_ms:
        raise Rejected("too_long", f"{length_ms} ms; at most {limits.max_ms} ms are taken")


def _is_picture(stream: Mapping[str, Any]) -> bool:
    """A moving picture, not the cover of a song."""
    still = stream.get("disposition", {}).get("attached_pic", 0)
    return stream.get("codec_type") == "video" and not still


def _is_sound(stream: Mapping[str, Any]) -> bool:
    known = stream.get("codec_name", "unknown") not in ("unknown", "none")
    return stream.get("codec_type") == "audio" and known and stream.get("sample_rate", "0") != "0"


def _displayed(video: Mapping[str, Any]) -> tuple[int, int, int]:
    """Width, height and rotation after the pixel's shape and the rotation have been applied."""
    width, height = int(video.get("width", 0)), int(video.get("height", 0))
    shape = _ratio(video.get("sample_aspect_ratio", "1:1").replace(":", "/"))
    if shape and Fraction(1, 16) <= shape <= 16:
        width = round(width * shape)
    turns = [int(float(side.get("rotation", 0))) for side in video.get("side_data_list", [])]
    rotation = next((turn % 360 for turn in turns if turn), 0)
    return (height, width, rotation) if rotation in (90, 270) else (width, height, rotation)


def _length_ms(video: Mapping[str, Any], container: Mapping[str, Any]) -> int:
    """The picture's own length where it is told, else the container's; 0 when neither is."""
    tag = video.get("tags", {}).get("DURATION", "")
    for text in (video.get("duration"), _clock(tag), container.get("duration")):
        if text not in (None, "", "N/A"):
            return max(0, round(float(text) * 1000))
    return 0


def _clock(tag: str) -> str:
    """Matroska's 00:00:04.000000000 as seconds."""
    parts = tag.split(":")
    if len(parts) != 3:
        return ""
    return str(int(parts[0]) * 3600 + int(parts[1]) * 60 + float(parts[2]))


def _fps(video: Mapping[str, Any]) -> float:
    """The rate the ladder is made at: the stream's base rate, or its average, 60 at most."""
    for text in (video.get("r_frame_rate", ""), video.get("avg_frame_rate", "")):
        rate = _ratio(text)
        if rate and 1 <= rate <= MAX_FPS:
            return float(rate)
    return MAX_FPS if _ratio(video.get("avg_frame_rate", "")) else 30.0


def _ratio(text: str) -> Fraction | None:
    over, _, under = text.partition("/")
    if not (over.isdigit() and under.isdigit() and int(under)):
        return None
    return Fraction(int(over), int(under))
