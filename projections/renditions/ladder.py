"""Which sizes a video is made in, and the one ffmpeg argument list that makes them all.

Pure: sizes and lists of words. One decode feeds every rung; key frames are forced every 2 s in all of
them, so that a player may change rungs at any segment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePath

VERSION = "v2"
"""Part of every output's key: a change of anything in this file makes it v3."""
SEGMENT_S = 2
AUDIO_BPS = 128_000
MAX_FPS = 60.0
THUMBNAILS_AT = (0.1, 0.5, 0.9)
THUMBNAIL_EDGE = 360
DOWNLOAD_RUNG = 720
PEAK_BPS = {1080: 4_500_000, 720: 2_400_000, 480: 1_200_000, 360: 700_000}
"""Video peak for each rung: 15 s of the 720 rung stay below 5 MB."""
LEAST_BPS = 200_000


@dataclass(frozen=True, slots=True)
class Source:
    """What the ladder must know of a source; width and height as displayed, after rotation."""

    width: int
    height: int
    duration_ms: int
    fps: float
    sound: bool


@dataclass(frozen=True, slots=True)
class Rung:
    """One size. ``rung`` is its nominal short edge; width and height are even."""

    rung: int
    width: int
    height: int
    peak_bps: int


def rungs(width: int, height: int, wanted: Sequence[int]) -> tuple[Rung, ...]:
    """The rungs of a picture, largest first, never upscaled; a small one gets one rung of its own size."""
    short = min(width, height)
    fitting = [edge for edge in sorted(wanted, reverse=True) if edge <= short]
    return tuple(_rung(width, height, edge) for edge in fitting or [short - short % 2])


def download_rung(made: Sequence[Rung]) -> Rung:
    """The rung that the faststart MP4 is a copy of: 720, or the largest below it, or the smallest."""
    return next((one for one in made if one.rung <= DOWNLOAD_RUNG), made[-1])


def thumbnail_times(source: Source) -> tuple[int, ...]:
    """Where stills are taken, ms."""
    return tuple(sorted({int(source.duration_ms * part) for part in THUMBNAILS_AT}))


def thumbnail_size(source: Source) -> tuple[int, int]:
    """Width and height of the stills: short edge 360 at most."""
    short = min(source.width, source.height)
    still = _rung(source.width, source.height, min(THUMBNAIL_EDGE, short - short % 2))
    return still.width, still.height


def encode(source: Source, made: Sequence[Rung], input_words: Sequence[str], folder: PurePath) -> list[str]:
    """The words after `ffmpeg`: every rung as fMP4 HLS in ``folder``/{rung}, stills as thumb_1.jpg, ..."""
    words = [*input_words, "-filter_complex", _graph(source, made)]
    for number, rung in enumerate(made):
        words += ["-map", f"[v{number}]", *sound_words(source), *video_words(source, rung)]
        words += ["-t", f"{source.duration_ms / 1000:.3f}", *hls_words(folder, rung)]
    return [*words, "-map", "[stills]", *_stills(folder)]


def remux(playlist: PurePath, output: PurePath) -> list[str]:
    """The words after `ffmpeg` that copy a rung into one file that plays while it loads."""
    whitelist = ["-protocol_whitelist", "file", "-format_whitelist", "hls,mov"]
    return [*whitelist, "-i", str(playlist), "-c", "copy", "-movflags", "+faststart", str(output)]


def _rung(width: int, height: int, edge: int) -> Rung:
    short = min(width, height)
    sizes = (_even(width * edge / short), _even(height * edge / short))
    return Rung(edge, *sizes, PEAK_BPS.get(edge) or _peak(*sizes))


def _even(size: float) -> int:
    return max(2, 2 * round(size / 2))


def _peak(width: int, height: int) -> int:
    """An unlisted size gets the 360 rung's bits for each pixel."""
    return max(LEAST_BPS, PEAK_BPS[360] * width * height // (360 * 640))


def _graph(source: Source, made: Sequence[Rung]) -> str:
    """Each rung is scaled from the one above it: no worse to look at, and a quarter less work than from the
    source each."""
    rate = Fraction(source.fps).limit_denominator(1001)
    parts = [f"[0:v:0]fps={rate},split[a0][bs]"]
    for number, rung in enumerate(made):
        below = f",split[v{number}][a{number + 1}]" if number + 1 < len(made) else f"[v{number}]"
        scale = f"scale={rung.width}:{rung.height}:flags=bicubic,setsar=1,format=yuv420p"
        parts.append(f"[a{number}]{scale}{below}")
    frames = "+".join(f"eq(n\\,{int(at * source.fps / 1000)})" for at in thumbnail_times(source))
    width, height = thumbnail_size(source)
    return ";".join([*parts, f"[bs]select={frames},scale={width}:{height},setsar=1,format=yuvj420p[stills]"])


def sound_words(source: Source) -> list[str]:
    """The sound of one output, if the source has any."""
    if not source.sound:
        return []
    return ["-map", "0:a:0", "-c:a", "aac", "-b:a", str(AUDIO_BPS), "-ac", "2", "-ar", "48000"]


def video_words(source: Source, rung: Rung) -> list[str]:
    """Capped constant quality; -g only bounds the distance, the forced key frames set it."""
    return [
        *("-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-crf", "23"),
        *("-maxrate", str(rung.peak_bps), "-bufsize", str(rung.peak_bps)),
        *("-g", str(int(SEGMENT_S * source.fps) + 2), "-sc_threshold", "0"),
        *("-force_key_frames", f"expr:gte(t,n_forced*{SEGMENT_S})"),
    ]


def hls_words(folder: PurePath, rung: Rung) -> list[str]:
    """One rung as fMP4 HLS in ``folder``/{rung}."""
    home = folder / str(rung.rung)
    return [
        *("-f", "hls", "-hls_time", str(SEGMENT_S), "-hls_playlist_type", "vod", "-start_number", "1"),
        *("-hls_segment_type", "fmp4", "-hls_flags", "independent_segments"),
        *("-hls_fmp4_init_filename", "init.mp4", "-hls_segment_filename", str(home / "seg_%05d.m4s")),
        str(home / "index.m3u8"),
    ]


def _stills(folder: PurePath) -> list[str]:
    return ["-fps_mode", "passthrough", "-q:v", "4", "-f", "image2", str(folder / "thumb_%d.jpg")]
