"""Who encodes the clip in stage `transcode`: the product's step, one ffmpeg for each rung, a bare ffmpeg.

All make the same files: the rungs as fMP4 HLS with the same encoder settings, three stills, a download. All
run at the priority that the effector gives its encoder. Only the product verifies and stores what it made.
"""

import asyncio
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.clock import SystemClock
from infra.settings import Settings
from projections.renditions import ladder
from projections.renditions.fold import Job, Original, VideoHalf
from projections.renditions.ladder import Rung
from projections.renditions.memory import MemoryObjects
from projections.renditions.store import PRIVATE
from streams.transcode.facts import media_prefix
from streams.transcode.steps import Steps

WANTED = (1080, 720, 480, 360)
LOOK_S = 0.005
_FFMPEG = ("nice", "-n", "10", "ffmpeg", "-nostdin", "-y", "-nostats", "-loglevel", "error")
Words = Sequence[str]


@dataclass(slots=True)
class Encoders:
    """The clip, and what is to become of it. ``first_s``: when the product's first segment was whole."""

    clip: Path
    original: Original
    runner: asyncio.Runner
    first_s: list[float] = field(default_factory=list)
    settings: Settings = field(default_factory=lambda: Settings(ladder_rungs=",".join(map(str, WANTED))))
    buckets: MemoryObjects = field(init=False)

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """Largest first."""
        return ladder.rungs(self.original.width, self.original.height, WANTED)

    def uploaded(self, folder: Path) -> None:
        """The original is in its bucket, where the product's step begins; folders stand for buckets."""
        self.buckets = MemoryObjects(folder / "objects")
        self.buckets.put_file(
            self.settings.bucket_originals, self.original.key, self.clip, "video/mp4", PRIVATE
        )

    def ours(self, folder: Path) -> Path:
        """The effector's step, from the original in its bucket to the package in its own. Answers where the
        package is."""
        scratch = folder / "job"
        scratch.mkdir()
        video = VideoHalf("ann", bytes=self.clip.stat().st_size, original=self.original)
        steps = Steps(self.buckets, self.settings, SystemClock())
        smallest = scratch / "package" / str(self.rungs[-1].rung)
        with _Seen(smallest / "seg_00002.m4s", smallest / "index.m3u8") as seen:
            facts = self.runner.run(steps.take("transcode", Job("clip", video), scratch, lambda _: None))
        if facts[-1]["event_type"] != "transcode.completed":
            raise RuntimeError(f"the step ends with {facts[-1]['event_type']}")
        self.first_s.append(seen.after_s)
        return folder / "objects" / self.settings.bucket_media / media_prefix(self.original.sha256)

    def bare(self, folder: Path) -> Path:
        """The very command of the product and nothing else: no check, no download, nothing stored."""
        self._homes(folder)
        _all([*_FFMPEG, *ladder.encode(self.original.source, self.rungs, ["-i", str(self.clip)], folder)])
        return folder

    def in_turn(self, folder: Path) -> Path:
        """One ffmpeg for each rung, one after another."""
        for words in self._each(folder):
            _all(words)
        self._rest(folder)
        return folder

    def side_by_side(self, folder: Path) -> Path:
        """One ffmpeg for each rung, all at once."""
        _all(*self._each(folder))
        self._rest(folder)
        return folder

    def _each(self, folder: Path) -> list[Words]:
        self._homes(folder)
        source = self.original.source
        return [
            [
                *(*_FFMPEG, "-i", str(self.clip), "-map", "0:v:0"),
                *("-vf", f"scale={rung.width}:{rung.height},setsar=1,format=yuv420p"),
                *ladder.sound_words(source),
                *ladder.video_words(source, rung),
                *ladder.hls_words(folder, rung),
            ]
            for rung in self.rungs
        ]

    def _rest(self, folder: Path) -> None:
        source = self.original.source
        width, height = ladder.thumbnail_size(source)
        for number, at_ms in enumerate(ladder.thumbnail_times(source), start=1):
            still = ["-vf", f"scale={width}:{height}", "-frames:v", "1", str(folder / f"thumb_{number}.jpg")]
            _all([*_FFMPEG, "-ss", f"{at_ms / 1000:.3f}", "-i", str(self.clip), *still])
        chosen = folder / str(ladder.download_rung(self.rungs).rung) / "index.m3u8"
        _all([*_FFMPEG, *ladder.remux(chosen, folder / "download.mp4")])

    def _homes(self, folder: Path) -> None:
        for rung in self.rungs:
            (folder / str(rung.rung)).mkdir()


class _Seen:
    """When one of these was there: the second segment is opened when the first is closed, and the playlist
    written when all are."""

    def __init__(self, *paths: Path) -> None:
        self._paths, self._ended = paths, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._began = time.monotonic()
        self.after_s = 0.0

    def __enter__(self) -> "_Seen":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_S):
            if any(path.exists() for path in self._paths):
                self.after_s = time.monotonic() - self._began
                return


def _all(*commands: Words) -> None:
    running = [subprocess.Popen(words, stdin=subprocess.DEVNULL) for words in commands]
    codes = [one.wait() for one in running]
    if any(codes):
        raise RuntimeError(f"ffmpeg ends with {codes}")
