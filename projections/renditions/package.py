"""From a source to a package: every file a player needs, made, verified and named."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from projections.renditions import ffmpeg, ladder, playlist, verify
from projections.renditions.ladder import Rung, Source
from projections.renditions.verify import Made, VerificationFailed

MASTER = "master.m3u8"
DOWNLOAD = "download.mp4"
CONTENT_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mp4": "video/mp4",
    ".m4s": "video/iso.segment",
    ".jpg": "image/jpeg",
    ".json": "application/json",
}


class Still(NamedTuple):
    """A thumbnail in the package."""

    path: Path
    at_ms: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Package:
    """What was made. Paths in ``folder`` are the keys' last parts; the rungs stand largest first."""

    folder: Path
    rungs: tuple[Made, ...]
    download: Made
    stills: tuple[Still, ...]
    cpu_ms: int

    @property
    def files(self) -> list[Path]:
        """Every file in the order in which it is to be stored: what names others comes after them."""
        media = [path for made in self.rungs for path in reversed(made.files)]
        return [*media, *self.download.files, *(still.path for still in self.stills), self.folder / MASTER]


async def make(
    path: Path,
    source: Source,
    wanted: Sequence[int],
    folder: Path,
    timeout_s: float,
    progress: ffmpeg.Progress = lambda _: None,
) -> Package:
    """Encode, copy, verify. Raises ToolFailed, VerificationFailed; the caller removes the folder."""
    rungs = ladder.rungs(source.width, source.height, wanted)
    for rung in rungs:
        (folder / str(rung.rung)).mkdir(parents=True)
    input_words = [*ffmpeg.SAFE_INPUT, "-i", str(path)]
    done = await ffmpeg.run(ladder.encode(source, rungs, input_words, folder), timeout_s, progress)
    made, copied = await _verified(folder, rungs, source, timeout_s)
    _agree(made)
    (folder / MASTER).write_text(playlist.master([_variant(one, source) for one in made]), "utf-8")
    return Package(folder, made, copied, _stills(folder, source), done.cpu_ms)


async def _verified(
    folder: Path, rungs: tuple[Rung, ...], source: Source, timeout_s: float
) -> tuple[tuple[Made, ...], Made]:
    """All rungs and the download at once. The first failure, a rung's before the download's, is raised when
    all have ended: nobody reads the folder then."""
    reading = [
        asyncio.create_task(verify.verify_rung(folder / str(rung.rung), rung, source)) for rung in rungs
    ]
    chosen = ladder.download_rung(rungs)
    copying = asyncio.create_task(_copy(folder, chosen, reading[rungs.index(chosen)], source, timeout_s))
    await asyncio.gather(*reading, copying, return_exceptions=True)
    return tuple(one.result() for one in reading), copying.result()


async def _copy(folder: Path, rung: Rung, made: asyncio.Task[Made], source: Source, timeout_s: float) -> Made:
    """The download: a rung's packets in one file, not encoded again; held to the rung once verified."""
    output = folder / DOWNLOAD
    await ffmpeg.run(ladder.remux(folder / str(rung.rung) / "index.m3u8", output), timeout_s)
    return await verify.verify_download(output, await made, source)


def _agree(made: tuple[Made, ...]) -> None:
    """Rungs can be changed at any segment only if all have the same frames in the same segments."""
    if len({(one.frames, len(one.files)) for one in made}) > 1:
        counts = ", ".join(f"{one.rung}: {one.frames} frames, {len(one.files)} files" for one in made)
        raise VerificationFailed(f"the rungs differ: {counts}")


def _variant(one: Made, source: Source) -> playlist.Variant:
    return playlist.Variant(
        uri=f"{one.rung}/index.m3u8",
        peak_bps=one.peak_bps,
        average_bps=one.average_bps,
        width=one.width,
        height=one.height,
        codecs=one.codecs,
        fps=source.fps,
    )


def _stills(folder: Path, source: Source) -> tuple[Still, ...]:
    """ffmpeg numbers them; here they get their time as name."""
    width, height = ladder.thumbnail_size(source)
    stills = []
    for number, at_ms in enumerate(ladder.thumbnail_times(source), start=1):
        path = folder / f"thumb_{at_ms:06d}.jpg"
        try:
            (folder / f"thumb_{number}.jpg").rename(path)
        except FileNotFoundError:
            raise VerificationFailed(f"no still was made at {at_ms} ms") from None
        stills.append(Still(path, at_ms, width, height))
    return tuple(stills)
