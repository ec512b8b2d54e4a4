"""Small films made by ffmpeg, and what is done to them to make them bad."""

import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

PICTURE = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def ffmpeg(*words: str) -> None:
    """Run ffmpeg; the test fails with its words when it does not like them."""
    done = subprocess.run(
        ["ffmpeg", "-nostdin", "-y", "-loglevel", "error", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def clip(path: Path, size: str = "360x640", seconds: float = 4, fps: str = "30", sound: bool = True) -> Path:
    """A moving picture, with a tone if wanted."""
    tone = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100", "-c:a", "aac") if sound else ()
    picture = ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={fps}")
    ffmpeg(*picture, *tone, "-t", str(seconds), *PICTURE, "-f", "mp4", str(path))
    return path


def rotated(path: Path, base: Path) -> Path:
    """The clip as a phone held upright stores it: lying, with a quarter turn in the header."""
    lying = path.with_suffix(".lying")
    clip(lying, size="640x360")
    ffmpeg("-i", str(lying), "-c", "copy", "-metadata:s:v:0", "rotate=90", "-f", "mp4", str(path))
    return path


def empty(path: Path, base: Path) -> Path:
    path.touch()
    return path


def text(path: Path, base: Path) -> Path:
    path.write_text("this is not a film, whatever its name says\n" * 100)
    return path


def playlist(path: Path, base: Path) -> Path:
    """A playlist: good HLS, but it would make ffmpeg read other files, or the network."""
    shutil.copyfile(base, path.with_name("segment.mp4"))
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nsegment.mp4\n#EXT-X-ENDLIST\n")
    return path


def concat(path: Path, base: Path) -> Path:
    """A script that would make ffmpeg read another file."""
    shutil.copyfile(base, path.with_name("part.mp4"))
    path.write_text("ffconcat version 1.0\nfile part.mp4\n")
    return path


def picture(path: Path, base: Path) -> Path:
    ffmpeg("-i", str(base), "-frames:v", "1", "-f", "image2", "-c:v", "png", str(path))
    return path


def audio_only(path: Path, base: Path) -> Path:
    ffmpeg("-i", str(base), "-map", "0:a", "-c", "copy", "-f", "mp4", str(path))
    return path


def song_with_cover(path: Path, base: Path) -> Path:
    cover = path.with_suffix(".jpg")
    ffmpeg("-i", str(base), "-frames:v", "1", str(cover))
    words = (
        "-map",
        "0:a",
        "-map",
        "1:v",
        "-c:a",
        "copy",
        "-c:v",
        "mjpeg",
        "-disposition:v:0",
        "attached_pic",
    )
    ffmpeg("-i", str(base), "-i", str(cover), *words, "-f", "mp4", str(path))
    return path


def cut_off(path: Path, base: Path) -> Path:
    """The index stands at the front and promises more than there is."""
    whole = path.with_suffix(".whole")
    ffmpeg("-i", str(base), "-c", "copy", "-movflags", "+faststart", "-f", "mp4", str(whole))
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    return path


def without_index(path: Path, base: Path) -> Path:
    """The index stood at the end, which is gone."""
    path.write_bytes(base.read_bytes()[: base.stat().st_size // 2])
    return path


def scrambled(path: Path, base: Path) -> Path:
    """Index whole, pictures noise."""
    data = bytearray(base.read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[start:end] = bytes((index * 197 + 91) % 251 for index in range(end - start))
    path.write_bytes(data)
    return path


def no_size(path: Path, base: Path) -> Path:
    """Nothing in the file says how large the picture is: the header 0x0, the codec's own data blank."""
    data = bytearray(scrambled(path, base).read_bytes())
    sample = data.index(b"avc1", data.index(b"stsd"))
    data[sample + 28 : sample + 32] = bytes(4)
    config = data.index(b"avcC")
    length = int.from_bytes(data[config - 4 : config], "big") - 8
    data[config + 4 : config + 4 + length] = bytes(length)
    path.write_bytes(data)
    return path


def huge_picture(path: Path, base: Path) -> Path:
    words = ("-f", "lavfi", "-i", "color=size=8448x32:rate=1", "-t", "4")
    ffmpeg(*words, *PICTURE, "-f", "mp4", str(path))
    return path


def tiny_picture(path: Path, base: Path) -> Path:
    ffmpeg("-i", str(base), "-an", "-vf", "scale=8:14", *PICTURE, "-f", "mp4", str(path))
    return path


def four_hours(path: Path, base: Path) -> Path:
    words = ("-f", "lavfi", "-i", "color=size=64x64:rate=1/10", "-t", "14400")
    ffmpeg(*words, *PICTURE, "-f", "mp4", str(path))
    return path


def untold_length(path: Path, base: Path) -> Path:
    """A live recording: no length in the header, 200 s of pictures."""
    words = ("-f", "lavfi", "-i", "color=size=64x64:rate=2", "-t", "200")
    ffmpeg(*words, *PICTURE, "-f", "matroska", "-live", "1", str(path))
    return path


def blink(path: Path, base: Path) -> Path:
    return clip(path, seconds=1)


def rare_codec(path: Path, base: Path) -> Path:
    ffmpeg("-i", str(base), "-an", "-t", "3.2", "-c:v", "ffv1", "-f", "matroska", str(path))
    return path


def unknown_codec(path: Path, base: Path) -> Path:
    """A four-character code nobody has heard of."""
    data = bytearray(base.read_bytes())
    sample = data.index(b"avc1", data.index(b"stsd"))
    data[sample : sample + 4] = b"zzz9"
    path.write_bytes(data)
    return path


Spoiler = Callable[[Path, Path], Path]


class Clips:
    """Films of one test run, each made once, without file name extensions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clip = cache(self._clip)

    def _clip(self, size: str = "360x640", seconds: float = 4, fps: str = "30", sound: bool = True) -> Path:
        name = f"{size}_{seconds}_{fps.replace('/', '-')}_{sound}"
        return clip(self.folder / name, size, seconds, fps, sound)

    def spoilt(self, spoiler: Spoiler) -> Path:
        """The usual clip after something was done to it."""
        path = self.folder / spoiler.__name__
        return path if path.exists() else spoiler(path, self.clip())
