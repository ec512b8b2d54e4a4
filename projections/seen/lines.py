"""A user's sightings as lines, `at video`: appended to a list as they come, put in order when read.

A line costs Redis the same however much a user has seen. A sorted set of 36-character ids takes three times
the memory, and from 128 of them on a walk through a dictionary and a skip list that lie in no cache. What
lines say depends neither on their order nor on how often one stands there: of each video the greatest time,
of these the newest by (time, video).

Lines that were put in order (`compacted`) follow a first one, `#count`: how many they were. When there are
twice as many they are put in order again: they stay within twice of what counts, and each is looked at about
twice.
"""

from collections.abc import Iterable

import polars as pl

from projections.keyset import Keyset
from projections.redis_words import Words, gathered, words

_LINE = pl.format("{} {}", "at", "video_id").alias("line")


def lines(times: pl.DataFrame) -> Words:
    """Users, and the lines of each: of rows actor_id, video_id, at."""
    return words(gathered(times.select_seq("actor_id", _LINE), "actor_id"), "actor_id", ("line",))


def newest(said: Iterable[str], cap: int) -> list[Keyset]:
    """What lines say: (at, video), the newest first, ``cap`` at most."""
    last: dict[str, int] = {}
    for at, video in (line.split(" ", 1) for line in said if line[0] != "#"):
        time = int(at)
        if last.get(video, time) <= time:
            last[video] = time
    return sorted(((at, video) for video, at in last.items()), reverse=True)[:cap]


def compacted(said: Iterable[str], cap: int) -> list[str]:
    """The fewest lines that say the same, the newest last, under their number."""
    kept = newest(said, cap)
    return [f"#{len(kept)}", *(f"{at} {video}" for at, video in reversed(kept))]
