"""Short clips with moving picture and sound, made by ffmpeg: something to upload."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Clip:
    """A file to upload, with what its author says about it."""

    path: Path
    title: str
    caption: str
    hashtags: tuple[str, ...]


_MADE = (
    ("Colours", "testing the new camera #dance", ("dance",), "testsrc2=size=1080x1920:rate=30", 440, 5),
    ("Fractals", "zooming in, for ever #craft", ("craft",), "mandelbrot=size=720x1280:rate=30", 330, 6),
    (
        "Life",
        "small cells, big plans #cats",
        ("cats",),
        "life=size=320x180:mold=10:rate=25:ratio=0.1",
        550,
        7,
    ),
)


def make_clips(folder: Path, own: Path | None = None) -> list[Clip]:
    """Three clips in a folder; the caller's own video, when given, stands first instead of one of them."""
    made = [_make(folder, *clip) for clip in _MADE]
    if own is None:
        return made
    return [Clip(own, own.stem[:150], "my own video", ("mine",)), *made[1:]]


def _make(
    folder: Path, title: str, caption: str, tags: tuple[str, ...], source: str, hertz: int, seconds: int
) -> Clip:
    path = folder / f"{title.lower()}.mp4"
    scale = ["-vf", "scale=1280:720:flags=neighbor"] if source.startswith("life") else []
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", source]
    command += ["-f", "lavfi", "-i", f"sine=frequency={hertz}:sample_rate=44100", "-t", str(seconds)]
    command += [*scale, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"]
    command += ["-c:a", "aac", "-shortest", "-movflags", "+faststart", str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return Clip(path, title, caption, tags)
