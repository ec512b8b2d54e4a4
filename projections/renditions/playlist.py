"""HLS playlists as text (RFC 8216): reads the media playlists, writes the master; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

AAC = {"LC": "mp4a.40.2", "HE-AAC": "mp4a.40.5", "HE-AACv2": "mp4a.40.29"}


class InvalidPlaylist(Exception):
    """A media playlist or an init segment is not what a rung must have."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One entry of a media playlist."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Variant:
    """One line of the master playlist. Rates in bits a second, sound included."""

    uri: str
    peak_bps: int
    average_bps: int
    width: int
    height: int
    codecs: str
    fps: float


def segments(text: str) -> tuple[Segment, ...]:
    """The segments of a finished media playlist; raises InvalidPlaylist when it has no end or none."""
    lines = [line.strip() for line in text.splitlines()]
    found: list[Segment] = []
    for line, after in zip(lines, lines[1:], strict=False):
        if line.startswith("#EXTINF:"):
            found.append(Segment(after, float(line.removeprefix("#EXTINF:").partition(",")[0])))
    if not found or "#EXT-X-ENDLIST" not in lines:
        raise InvalidPlaylist("the media playlist has no segments or no end")
    return tuple(found)


def rates(parts: Sequence[tuple[int, float]]) -> tuple[int, int]:
    """(peak, average) bits a second of segments given as (bytes, seconds); the peak is over segments.

    The last segment is only counted for the peak when it is not a mere rest of the others' length.
    """
    longest = max(seconds for _, seconds in parts)
    full = [(size, seconds) for size, seconds in parts if seconds >= longest / 2]
    peak = max(8 * size / seconds for size, seconds in full)
    average = 8 * sum(size for size, _ in parts) / sum(seconds for _, seconds in parts)
    return round(max(peak, average)), round(average)


def codecs(init: bytes, audio_profile: str | None) -> str:
    """The RFC 6381 codecs of an init segment: avc1 from its avcC box, and the sound, if any."""
    at = init.find(b"avcC")
    if at < 0 or len(init) < at + 8:
        raise InvalidPlaylist("the init segment has no avcC box")
    video = "avc1." + init[at + 5 : at + 8].hex()
    if audio_profile is None:
        return video
    if audio_profile not in AAC:
        raise InvalidPlaylist(f"AAC profile {audio_profile!r}")
    return f"{video},{AAC[audio_profile]}"


def master(variants: Sequence[Variant]) -> str:
    """The master playlist, smallest first: a player that has measured nothing yet begins at once."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for one in sorted(variants, key=lambda variant: variant.peak_bps):
        lines += [f"#EXT-X-STREAM-INF:{_attributes(one)}", one.uri]
    return "\n".join(lines) + "\n"


def _attributes(one: Variant) -> str:
    return ",".join(
        [
            f"BANDWIDTH={one.peak_bps}",
            f"AVERAGE-BANDWIDTH={one.average_bps}",
            f"RESOLUTION={one.width}x{one.height}",
            f"FRAME-RATE={one.fps:.3f}",
            f'CODECS="{one.codecs}"',
        ]
    )
