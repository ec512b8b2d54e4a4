"""Rows of a frame as the words of many commands, one command a key: made in columns, unpacked by a script.

Text made row by row in Python was the most expensive part of a fold: 1.8 us a row, and this takes 0.3.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from projections.redis_ledger import packed

EACH = """
local function each(text, most, call)
  local said, at = cjson.decode(text), 1
  for nth, key in ipairs(said[1]) do
    local past = at + said[2][nth]
    while at < past do
      local last = math.min(at + most, past) - 1
      call(key, said[3], at, last)
      at = last + 1
    end
  end
end
"""
"""Lua: calls ``call(key, words, first, last)`` for the words of every key, ``most`` of them at most at once."""
MOST = 2_000
"""Words of one command: Lua hands over 8,000 at most."""


def words(frame: pl.DataFrame, key: str, fields: Sequence[str]) -> bytes:
    """What `each` takes: for every value of the column ``key`` its rows' fields, by turns, as text."""
    rows = frame.sort(pl.col(key).hash())  # cheaper than by the text; only neighbours matter
    keys = rows[key].to_numpy()
    firsts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    counts = np.diff(firsts, append=len(keys)) * len(fields)
    said = [""] * (len(keys) * len(fields))
    for nth, field in enumerate(fields):
        said[nth :: len(fields)] = rows[field].cast(pl.String).to_list()
    return packed([keys[firsts].tolist(), counts.tolist(), said])
