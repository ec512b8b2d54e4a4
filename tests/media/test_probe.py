"""Every refusal, on a real file."""

from pathlib import Path

import pytest

from projections.renditions import ffmpeg, probe
from projections.renditions.judge import Limits, Probe, RejectCode, Rejected, judge
from tests.media import clips as made
from tests.media.clips import Clips, Spoiler

pytestmark = pytest.mark.media

LIMITS = Limits(max_bytes=50_000_000, min_ms=3_000, max_ms=180_000)


@pytest.mark.parametrize(
    ("spoiler", "code"),
    [
        (made.empty, "empty_file"),
        (made.text, "not_a_video"),
        (made.playlist, "not_a_video"),
        (made.concat, "not_a_video"),
        (made.picture, "not_a_video"),
        (made.audio_only, "no_video_stream"),
        (made.song_with_cover, "no_video_stream"),
        (made.cut_off, "undecodable"),
        (made.without_index, "undecodable"),
        (made.scrambled, "undecodable"),
        (made.no_size, "bad_dimensions"),
        (made.huge_picture, "bad_dimensions"),
        (made.tiny_picture, "bad_dimensions"),
        (made.four_hours, "too_long"),
        (made.untold_length, "too_long"),
        (made.blink, "too_short"),
        (made.rare_codec, "unsupported_codec"),
        (made.unknown_codec, "unsupported_codec"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
async def test_is_refused_with_its_code(clips: Clips, spoiler: Spoiler, code: RejectCode) -> None:
    with pytest.raises(Rejected) as refused:
        await probe.validate(clips.spoilt(spoiler), LIMITS, 30)
    assert refused.value.code == code, refused.value.detail
    assert refused.value.detail
    assert str(clips.folder) not in refused.value.detail


async def test_too_many_bytes(clips: Clips) -> None:
    with pytest.raises(Rejected) as refused:
        await probe.validate(clips.clip(), Limits(1_000, 3_000, 180_000), 30)
    assert refused.value.code == "too_large"


async def test_a_good_clip(clips: Clips) -> None:
    found = await probe.validate(clips.clip(), LIMITS, 30)
    assert found == Probe(360, 640, 4_000, 30.0, "h264", "aac", 0)


async def test_a_clip_without_sound(clips: Clips) -> None:
    found = await probe.validate(clips.clip(seconds=3.2, sound=False), LIMITS, 30)
    assert found.audio_codec is None
    assert not found.source.sound


async def test_a_turned_clip_is_measured_as_it_is_shown(clips: Clips) -> None:
    found = await probe.validate(clips.spoilt(made.rotated), LIMITS, 30)
    assert (found.width, found.height) == (360, 640)
    assert found.rotation in (90, 270)


async def test_matroska_and_webm_are_taken(clips: Clips, tmp_path: Path) -> None:
    path = tmp_path / "source"
    made.ffmpeg(
        "-i", str(clips.clip()), "-c:v", "libvpx", "-deadline", "realtime", "-an", "-f", "webm", str(path)
    )
    found = await probe.validate(path, LIMITS, 30)
    assert (found.video_codec, found.duration_ms) == ("vp8", 4_000)


async def test_a_timeout_is_not_the_files_fault(clips: Clips) -> None:
    with pytest.raises(ffmpeg.ToolFailed) as failed:
        await probe.validate(clips.clip(size="720x1280"), LIMITS, 0.001)
    assert failed.value.code == "timeout"


@pytest.mark.parametrize(
    ("stream", "size"),
    [
        ({"sample_aspect_ratio": "2:1"}, (640, 640, 0)),
        ({"sample_aspect_ratio": "0:1"}, (320, 640, 0)),
        ({"side_data_list": [{"rotation": -90}]}, (640, 320, 270)),
        ({"side_data_list": [{"rotation": 180}]}, (320, 640, 180)),
    ],
)
def test_displayed_size(stream: dict[str, object], size: tuple[int, int, int]) -> None:
    base = {"codec_type": "video", "codec_name": "h264", "width": 320, "height": 640, "duration": "4"}
    found = judge({"streams": [base | stream]}, LIMITS)
    assert (found.width, found.height, found.rotation) == size


@pytest.mark.parametrize(
    ("rates", "fps"),
    [
        (("30/1", "30/1"), 30.0),
        (("30000/1001", "30000/1001"), 30000 / 1001),
        (("90000/1", "2997/100"), 29.97),
        (("120/1", "120/1"), 60.0),
        (("0/0", "0/0"), 30.0),
    ],
)
def test_frame_rate(rates: tuple[str, str], fps: float) -> None:
    stream = {"codec_type": "video", "codec_name": "h264", "width": 320, "height": 640, "duration": "4"}
    timed = stream | {"r_frame_rate": rates[0], "avg_frame_rate": rates[1]}
    assert judge({"streams": [timed]}, LIMITS).fps == fps
