"""What comes out of the ladder, held against an independent reading of it."""

import json
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from projections.renditions import ffmpeg, ladder, package, probe, verify
from projections.renditions.judge import Limits
from projections.renditions.ladder import Source
from projections.renditions.package import Package
from projections.renditions.playlist import segments
from tests.media import clips as made
from tests.media.clips import Clips

pytestmark = pytest.mark.media

LIMITS = Limits(50_000_000, 3_000, 180_000)


async def packed(path: Path, folder: Path, wanted: tuple[int, ...] = (1080, 720, 480, 360)) -> Package:
    found = await probe.validate(path, LIMITS, 30)
    return await package.make(path, found.source, wanted, folder, 60)


def ffprobe(*words: str) -> Any:
    told = ["ffprobe", "-v", "error", "-of", "json", *words]
    done = subprocess.run(told, capture_output=True, text=True, check=True)
    assert not done.stderr
    return json.loads(done.stdout)


async def test_two_rungs_of_an_upright_film(clips: Clips, tmp_path: Path) -> None:
    seen: list[int] = []
    path = clips.clip(size="540x960")
    found = await probe.validate(path, LIMITS, 30)
    result = await package.make(path, found.source, (1080, 720, 480, 360), tmp_path, 60, seen.append)

    assert [(one.rung, one.width, one.height) for one in result.rungs] == [(480, 480, 854), (360, 360, 640)]
    assert {one.frames for one in result.rungs} == {120}
    assert {one.codecs for one in result.rungs} == {"avc1.64001e,mp4a.40.2", "avc1.64001f,mp4a.40.2"}
    assert result.cpu_ms > 0
    assert seen[-1] >= 3_900
    assert result.files[-1].name == "master.m3u8"
    assert [still.at_ms for still in result.stills] == [400, 2_000, 3_600]
    assert all(still.path.read_bytes()[:2] == b"\xff\xd8" for still in result.stills)

    for one in result.rungs:
        parts = segments(one.files[0].read_text())
        assert [part.seconds for part in parts] == [2.0, 2.0]
        assert one.duration_ms == 4_000
        assert one.average_bps <= one.peak_bps <= 1_500_000
    playing = ffprobe("-show_streams", "-show_programs", str(tmp_path / "master.m3u8"))
    assert len(playing["programs"]) == 2
    download = ffprobe("-show_format", "-show_streams", str(result.download.files[0]))
    assert (result.download.rung, download["streams"][0]["height"]) == (480, 854)
    assert float(download["format"]["duration"]) == pytest.approx(4, abs=0.1)


async def test_a_full_hd_film_is_made_smaller_but_keeps_its_shape(clips: Clips, tmp_path: Path) -> None:
    path = clips.clip(size="1080x1920", seconds=3.2, fps="24")
    result = await packed(path, tmp_path, (1080, 360))
    assert [(one.rung, one.width, one.height) for one in result.rungs] == [
        (1080, 1080, 1920),
        (360, 360, 640),
    ]
    assert [part.seconds for part in segments(result.rungs[0].files[0].read_text())] == pytest.approx(
        [2.0, 1.2], abs=0.05
    )


async def test_a_small_silent_film_keeps_its_size(clips: Clips, tmp_path: Path) -> None:
    result = await packed(clips.clip(size="202x360", seconds=3.2, sound=False), tmp_path)
    (only,) = result.rungs
    assert (only.rung, only.width, only.height, only.codecs) == (202, 202, 360, "avc1.64000d")
    assert "mp4a" not in (tmp_path / "master.m3u8").read_text()


async def test_a_turned_film_is_made_upright(clips: Clips, tmp_path: Path) -> None:
    result = await packed(clips.spoilt(made.rotated), tmp_path)
    (only,) = result.rungs
    assert (only.width, only.height) == (360, 640)


@pytest.mark.parametrize("fps", ["30000/1001", "7.3", "60"])
async def test_any_rate_is_cut_at_key_frames(clips: Clips, tmp_path: Path, fps: str) -> None:
    result = await packed(clips.clip(size="202x360", seconds=5, fps=fps), tmp_path)
    *full, _ = segments(result.rungs[0].files[0].read_text())
    frame = float(1 / Fraction(fps))
    assert [part.seconds for part in full] == pytest.approx([2.0, 2.0], abs=frame + 0.001)


async def test_sound_that_outlasts_the_picture_is_cut(clips: Clips, tmp_path: Path) -> None:
    path = tmp_path / "source"
    tone = ("-f", "lavfi", "-i", "sine=frequency=440")
    made.ffmpeg("-i", str(clips.clip(sound=False)), *tone, "-t", "9", "-c:v", "copy", "-f", "mp4", str(path))
    result = await packed(path, tmp_path / "out")
    assert result.rungs[0].duration_ms == pytest.approx(4_000, abs=100)


async def test_variable_rate(clips: Clips, tmp_path: Path) -> None:
    path = tmp_path / "source"
    holes = "select='not(between(n\\,20\\,50))'"
    words = ("-an", "-vf", holes, "-fps_mode", "vfr", *made.PICTURE)
    made.ffmpeg("-i", str(clips.clip()), *words, "-f", "mp4", str(path))
    result = await packed(path, tmp_path / "out")
    assert result.rungs[0].frames == pytest.approx(120, abs=2)


async def test_a_rung_that_was_damaged_is_not_let_through(clips: Clips, tmp_path: Path) -> None:
    source = Source(202, 360, 3_200, 30.0, True)
    await packed(clips.clip(size="202x360", seconds=3.2), tmp_path)
    (rung,) = ladder.rungs(202, 360, (360,))
    home = tmp_path / "202"
    assert (await verify.verify_rung(home, rung, source)).frames == 96

    with pytest.raises(verify.VerificationFailed, match="ms of 5000 ms"):
        await verify.verify_rung(home, rung, Source(202, 360, 5_000, 30.0, True))
    with pytest.raises(verify.VerificationFailed, match="sound is there"):
        await verify.verify_rung(home, rung, Source(202, 360, 3_200, 30.0, False))
    index = home / "index.m3u8"
    whole = index.read_text()
    index.write_text(whole.replace("EXTINF:2.0", "EXTINF:1.5"))
    with pytest.raises(verify.VerificationFailed, match="does not begin with a key frame"):
        await verify.verify_rung(home, rung, source)
    index.write_text(whole.replace("#EXT-X-ENDLIST", ""))
    with pytest.raises(verify.VerificationFailed, match="no segments or no end"):
        await verify.verify_rung(home, rung, source)
    index.write_text(whole)
    (home / "seg_00002.m4s").unlink()
    with pytest.raises(verify.VerificationFailed):
        await verify.verify_rung(home, rung, source)


@pytest.mark.parametrize(
    ("lost", "raised"),
    [("202/init.mp4", verify.VerificationFailed), ("download.mp4", FileNotFoundError)],
    ids=["a rung's before the download's", "the download's"],
)
async def test_the_first_failure_of_a_package_is_raised_when_all_have_ended(
    clips: Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str, raised: type[Exception]
) -> None:
    """A lost beginning fails the rung and the copy that is made of it meanwhile."""
    run, ended = ffmpeg.run, list[Sequence[str]]()

    async def losing(words: Sequence[str], *others: Any) -> ffmpeg.Done:
        try:
            return await run(words, *others)
        finally:
            ended.append(words)
            (tmp_path / lost).unlink(missing_ok=True)

    monkeypatch.setattr(ffmpeg, "run", losing)
    with pytest.raises(raised):
        await packed(clips.clip(size="202x360", seconds=3.2), tmp_path)
    assert len(ended) == 3  # the source decoded, encoded, copied


async def test_ffmpeg_ends_with_its_errors_or_in_time(clips: Clips, tmp_path: Path) -> None:
    with pytest.raises(ffmpeg.ToolFailed) as failed:
        await ffmpeg.run(["-i", str(tmp_path / "nowhere"), "-f", "null", "-"], 5)
    assert "No such file" in failed.value.tail
    assert str(tmp_path) not in failed.value.tail
    endless = ["-re", "-f", "lavfi", "-i", "testsrc2", "-f", "null", "-"]
    with pytest.raises(ffmpeg.ToolFailed) as failed:
        await ffmpeg.run(endless, 0.5)
    assert failed.value.code == "timeout"


async def test_the_cpu_time_is_found_before_the_last_words_of_many_encoders() -> None:
    outputs = [word for _ in range(6) for word in ("-t", "0.5", *made.PICTURE, "-f", "null", "-")]
    done = await ffmpeg.run(["-f", "lavfi", "-i", "testsrc2=size=320x320", *outputs], 30)
    assert done.cpu_ms > 0
