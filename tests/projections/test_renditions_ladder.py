"""Sizes, argument lists and playlists as text."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.renditions import ladder, playlist
from projections.renditions.ladder import Rung, Source
from projections.renditions.playlist import InvalidPlaylist, Segment, Variant

WANTED = (1080, 720, 480, 360)
edges = st.integers(16, 8192)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1080, 1920), [(1080, 1920), (720, 1280), (480, 854), (360, 640)]),
        ((1920, 1080), [(1920, 1080), (1280, 720), (854, 480), (640, 360)]),
        ((2160, 3840), [(1080, 1920), (720, 1280), (480, 854), (360, 640)]),
        ((1000, 1000), [(720, 720), (480, 480), (360, 360)]),
        ((359, 641), [(358, 640)]),
        ((17, 16), [(16, 16)]),
    ],
)
def test_rungs(size: tuple[int, int], expected: list[tuple[int, int]]) -> None:
    assert [(one.width, one.height) for one in ladder.rungs(*size, WANTED)] == expected


@given(edges, edges)
def test_rungs_are_even_never_upscaled_and_keep_their_shape(width: int, height: int) -> None:
    made = ladder.rungs(width, height, WANTED)
    assert made
    assert [one.rung for one in made] == sorted({one.rung for one in made}, reverse=True)
    for one in made:
        assert one.width % 2 == one.height % 2 == 0
        assert min(one.width, one.height) <= min(width, height)
        assert abs(one.width * height - one.height * width) <= 2 * max(width, height) + 2
        assert one.peak_bps >= ladder.LEAST_BPS


def test_one_decode_feeds_all_rungs() -> None:
    source = Source(1080, 1920, 15_000, 30000 / 1001, sound=True)
    words = ladder.encode(source, ladder.rungs(1080, 1920, WANTED), ["-i", "source"], PurePosixPath("out"))
    assert words.count("-i") == 1
    assert words.count("-f") == 5
    graph = words[words.index("-filter_complex") + 1]
    assert graph.startswith("[0:v:0]fps=30000/1001,split[a0][bs];[a0]scale=1080:1920:")
    assert "format=yuv420p,split[v0][a1];[a1]scale=720:1280:" in graph
    assert "[a3]scale=360:640:flags=bicubic,setsar=1,format=yuv420p[v3];" in graph
    assert "select=eq(n\\,44)+eq(n\\,224)+eq(n\\,404)," in graph
    assert words.count("expr:gte(t,n_forced*2)") == 4
    assert words.count("0:a:0") == 4
    assert "out/720/index.m3u8" in words


def test_no_sound_is_asked_of_a_silent_source() -> None:
    source = Source(360, 640, 15_000, 30.0, sound=False)
    words = ladder.encode(source, ladder.rungs(360, 640, WANTED), ["-i", "source"], PurePosixPath("out"))
    assert "0:a:0" not in words
    assert "aac" not in words


@pytest.mark.parametrize(("made", "rung"), [((1080, 720, 480), 720), ((480, 360), 480), ((1080,), 1080)])
def test_which_rung_is_the_download(made: tuple[int, ...], rung: int) -> None:
    assert ladder.download_rung([Rung(edge, 2, 2, 1) for edge in made]).rung == rung


MEDIA = """#EXTM3U
#EXT-X-MAP:URI="init.mp4"
#EXTINF:2.000000,
seg_00001.m4s
#EXTINF:1.200000,
seg_00002.m4s
#EXT-X-ENDLIST
"""


def test_a_media_playlist_is_read() -> None:
    assert playlist.segments(MEDIA) == (Segment("seg_00001.m4s", 2.0), Segment("seg_00002.m4s", 1.2))


def test_an_unfinished_media_playlist_is_refused() -> None:
    with pytest.raises(InvalidPlaylist):
        playlist.segments(MEDIA.replace("#EXT-X-ENDLIST", ""))


def test_the_peak_is_of_full_segments() -> None:
    assert playlist.rates([(250_000, 2.0), (500_000, 2.0), (100_000, 0.1)]) == (2_000_000, 1_658_537)


def test_codecs_are_read_from_the_init_segment() -> None:
    init = b"....\x00\x00\x00\x35avcC\x01\x64\x00\x1f\xff"
    assert playlist.codecs(init, "LC") == "avc1.64001f,mp4a.40.2"
    assert playlist.codecs(init, None) == "avc1.64001f"
    with pytest.raises(InvalidPlaylist):
        playlist.codecs(b"nothing", "LC")


def test_the_master_begins_with_the_smallest() -> None:
    large = Variant("720/index.m3u8", 2_600_000, 2_000_000, 720, 1280, "avc1.64001f,mp4a.40.2", 29.97)
    small = Variant("360/index.m3u8", 800_000, 700_000, 360, 640, "avc1.64001e,mp4a.40.2", 29.97)
    assert playlist.master([large, small]) == (
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=800000,AVERAGE-BANDWIDTH=700000,RESOLUTION=360x640,"
        'FRAME-RATE=29.970,CODECS="avc1.64001e,mp4a.40.2"\n360/index.m3u8\n'
        "#EXT-X-STREAM-INF:BANDWIDTH=2600000,AVERAGE-BANDWIDTH=2000000,RESOLUTION=720x1280,"
        'FRAME-RATE=29.970,CODECS="avc1.64001f,mp4a.40.2"\n720/index.m3u8\n'
    )
