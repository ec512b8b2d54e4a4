"""The stage `transcode` on half a second: all make whole ladders, and what is not whole is noticed."""

import asyncio
from pathlib import Path

import pytest

from infra.bench.clip import made, validated
from infra.bench.encoders import _FFMPEG, Encoders, _all
from infra.bench.scene import Disagree
from infra.bench.transcode_stage import _read_back, transcode
from projections.renditions import ladder

pytestmark = pytest.mark.media


def test_the_clip_is_the_same_each_time(tmp_path: Path) -> None:
    first, second = (made(tmp_path / name, 0.2).read_bytes() for name in ("one", "two"))
    assert first == second


def test_a_short_round_makes_whole_ladders() -> None:
    result = transcode(15, 1, lambda line: None)
    assert {len(one) for one in (result.figures, result.targets)} == {4, 2}
    assert all(
        one["rate"] > 0 and one["cpu_us"] > 0 and one["events"] == 15 for one in result.figures.values()
    )
    assert "the first segment that plays (360, 2 s) is whole after 0.00 s" not in result.notes[1]


def test_a_rung_that_lacks_frames_is_noticed(tmp_path: Path) -> None:
    clip = made(tmp_path / "clip", 0.5)
    with asyncio.Runner() as runner:
        at = Encoders(clip, validated(clip, runner), runner)
    folder = tmp_path / "out"
    folder.mkdir()
    at.bare(folder)
    assert _read_back(at, folder, "") == 15
    shorter = ladder.Source(1080, 1920, 200, 30.0, True)
    words = ladder.encode(shorter, at.rungs, ["-i", str(clip)], folder)
    _all([*_FFMPEG, *words])
    with pytest.raises(Disagree, match="and 15 were"):
        _read_back(at, folder, "")
