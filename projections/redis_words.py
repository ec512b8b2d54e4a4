"""Rows of a frame as the words of many commands, one command a key: made in columns, unpacked by a script.

Text made row by row in Python was the most expensive part of a fold: 1.8 us a row, and this takes 0.4.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

EACH = """
local function each(text, call)
  local said, at = cjson.decode(text), 1
  for nth, key in ipairs(said[1]) do
    local past = at + said[2][nth]
    while at < past do
      local last = math.min(at + 2000, past) - 1
      call(key, said[3], at, last)
      at = last + 1
    end
  end
end
"""
"""Lua: calls ``call(key, words, first, last)`` for every key's words, 2,000 at most at once (8,000 fit)."""

Words = tuple[list[str], list[int], list[str]]
"""Keys, how many words each has, and the words of all, key after key."""


def gathered(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    """The frame with the rows of one key side by side: by its hash, cheaper to sort by than the text."""
    return frame.sort(pl.col(key).hash()) if frame.height > 1 else frame


def words(frame: pl.DataFrame, key: str, fields: Sequence[str]) -> Words:
    """For every key of a `gathered` frame its rows' fields, by turns, as text."""
    if not frame.height:
        return [], [], []
    keys = frame[key].to_numpy()
    firsts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    counts = np.diff(firsts, append=len(keys)) * len(fields)
    said = [""] * (len(keys) * len(fields))
    for nth, field in enumerate(fields):
        said[nth :: len(fields)] = frame[field].cast(pl.String).to_list()
    return keys[firsts].tolist(), counts.tolist(), said
